/* The agent's parsers of what strangers send: for libFuzzer, and with -DREPLAY a program that runs each file that it is given,
 * cut at every length and mutated a thousand times. The first byte of an input chooses the parser. */
#include "../agent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARSERS = 7, LARGEST = 1 << 20 };

/* Each gets a buffer of its own, of just its size, so that a byte read beyond it is found. */
static struct bytes copied(const uint8_t *data, size_t size) {
    struct bytes bytes = {malloc(size ? size : 1), size};
    if (size > 0) memcpy((uint8_t *)bytes.data, data, size);
    return bytes;
}

static void parse_http(struct bytes input, int is_head, int ended) {
    struct http_answer answer;
    struct failure failure;
    memset(&answer, 0, sizeof answer);
    int found = http_parse(input, is_head, ended, &answer, &failure);
    struct bytes map = {answer.head.data, answer.head.size};
    struct mp_scan scan = {0, 1};
    /* What it makes is MessagePack but for the body's bytes, which follow. */
    if (found == 1 && mp_scan(&scan, map.data, map.size) == -1) abort();
    buffer_free(&answer.head);
    buffer_free(&answer.plain);
}

static void parse_request(struct bytes input) {
    struct http_request request;
    struct failure failure;
    memset(&request, 0, sizeof request);
    if (http_request(input, &request, &failure) == 0 && memchr(request.head.data, 0, request.head.size)) abort();
    buffer_free(&request.head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct bytes input = copied(data + 1, size - 1);
    struct mp_scan scan = {0, 1};
    struct failure failure;
    struct buffer out = {0};
    /* Its texts live as long as a machine. */
    static struct configuration configuration;
    switch (data[0] % PARSERS) {
    case 0:
        if (mp_scan(&scan, input.data, input.size) == 1 && scan.at > input.size) abort();
        break;
    case 1: configuration_read(input, &configuration, &failure); break;
    case 2: inflate_any(input, &out, LARGEST); break;
    case 3: zip_unpack(input, "unpacked", &failure); break;
    case 4: parse_http(input, 0, 1); break;
    case 5: parse_http(input, 1, 0); break;
    case 6: parse_request(input); break;
    }
    buffer_free(&out);
    free((uint8_t *)input.data);
    return 0;
}

#ifdef REPLAY
int main(int count, char **files) {
    static uint8_t bytes[LARGEST];
    uint64_t state = 88172645463325252ull;
    unsigned long runs = 0;
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(files[i], "rb");
        if (!file) return 2;
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        for (size_t cut = 0; cut <= size; cut++, runs++) LLVMFuzzerTestOneInput(bytes, cut);
        for (int round = 0; round < 1000 && size > 1; round++, runs++) {
            uint8_t *copy = malloc(size);
            memcpy(copy, bytes, size);
            for (int change = 0; change < 1 + round % 4; change++) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                copy[1 + state % (size - 1)] = round % 3 ? (uint8_t)(state >> 32) : (uint8_t)(round % 2 ? 0xff : 0);
            }
            LLVMFuzzerTestOneInput(copy, size);
            free(copy);
        }
    }
    printf("%lu inputs\n", runs);
    return 0;
}
#endif
