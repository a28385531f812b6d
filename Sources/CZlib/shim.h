#include <zlib.h>

/// The bytes of the gzip stream (RFC 1952) that `bytes` begins with, or 0 where it is none or doesn't end in `size`.
static inline size_t rtv_gzip_length(const unsigned char *bytes, size_t size) {
    static const uInt piece = 1u << 30;
    unsigned char output[1 << 16];
    z_stream stream = {0};
    // 16: with a gzip header; 15: the largest window.
    if (inflateInit2(&stream, 16 + 15) != Z_OK) return 0;
    size_t fed = 0;
    int status = Z_OK;
    while (status == Z_OK || status == Z_BUF_ERROR) {
        if (stream.avail_in == 0) {
            if (fed == size) break;
            stream.next_in = (Bytef *)bytes + fed;
            stream.avail_in = size - fed < piece ? (uInt)(size - fed) : piece;
            fed += stream.avail_in;
        }
        stream.next_out = output;
        stream.avail_out = sizeof output;
        status = inflate(&stream, Z_NO_FLUSH);
    }
    size_t length = status == Z_STREAM_END ? fed - stream.avail_in : 0;
    inflateEnd(&stream);
    return length;
}
