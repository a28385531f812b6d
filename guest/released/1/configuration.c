/* The first message: what the machine is to be. */
#include "agent.h"

#include <stdlib.h>
#include <string.h>

/* A copy that ends with 0; NULL where there is a 0 in it, or no memory. */
static char *text_of(struct mp_value value) {
    if (memchr(value.bytes.data, 0, value.bytes.size)) return NULL;
    char *text = malloc(value.bytes.size + 1);
    if (!text) return NULL;
    memcpy(text, value.bytes.data, value.bytes.size);
    text[value.bytes.size] = 0;
    return text;
}

/* A text, or nil, or nothing: then `to` stays NULL. */
static int read_text(struct bytes map, const char *key, char **to, struct failure *failure) {
    struct mp_value value;
    *to = NULL;
    if (mp_find(map, key, &value, NULL) != 1 || value.kind == MP_NIL) return 0;
    if (value.kind == MP_TEXT) *to = text_of(value);
    return *to ? 0 : fail(failure, "configuration: '%s' is no text", key);
}

static int read_bytes(struct bytes map, const char *key, struct bytes *to, struct failure *failure) {
    struct mp_value value;
    to->data = (const uint8_t *)"";
    to->size = 0;
    if (mp_find(map, key, &value, NULL) != 1 || value.kind == MP_NIL) return 0;
    if (value.kind != MP_BINARY && value.kind != MP_TEXT) return fail(failure, "configuration: '%s' is no bytes", key);
    *to = value.bytes;
    return 0;
}

/* How many elements a list or a map has, and what is behind its head. */
static int read_list(struct bytes map, const char *key, enum mp_kind kind, struct bytes *inside, size_t *count,
                     struct failure *failure) {
    struct mp_value value;
    *count = 0;
    if (mp_find(map, key, &value, inside) != 1 || value.kind == MP_NIL) return 0;
    if (value.kind != kind || mp_read(inside, &value) != 1) {
        return fail(failure, "configuration: '%s' is no %s", key, kind == MP_MAP ? "map" : "list");
    }
    *count = value.count;
    return 0;
}

/* Each element takes a byte of the message at least, so that a count can't ask for more than there is. */
static void *room(size_t count, size_t size, struct bytes inside) {
    return count > inside.size ? NULL : calloc(count + 1, size);
}

static int read_texts(struct bytes map, const char *key, char ***to, size_t *count, struct failure *failure) {
    struct bytes inside = {NULL, 0};
    if (read_list(map, key, MP_ARRAY, &inside, count, failure) < 0) return -1;
    if (*count == 0) return 0;
    if (!(*to = room(*count, sizeof **to, inside))) return fail(failure, "configuration: '%s' is cut short", key);
    for (size_t i = 0; i < *count; i++) {
        struct mp_value value;
        if (mp_read(&inside, &value) != 1 || value.kind != MP_TEXT || !((*to)[i] = text_of(value))) {
            return fail(failure, "configuration: '%s' lists something that is no text", key);
        }
    }
    return 0;
}

static int read_volumes(struct bytes map, struct configuration *to, struct failure *failure) {
    struct bytes inside = {NULL, 0};
    if (read_list(map, "volumes", MP_ARRAY, &inside, &to->volume_count, failure) < 0) return -1;
    if (to->volume_count == 0) return 0;
    if (!(to->volumes = room(to->volume_count, sizeof *to->volumes, inside))) {
        return fail(failure, "configuration: 'volumes' is cut short");
    }
    for (size_t i = 0; i < to->volume_count; i++) {
        struct bytes one = inside;
        struct volume *volume = &to->volumes[i];
        struct mp_value value;
        if (mp_skip(&inside) != 1) return fail(failure, "configuration: 'volumes' is cut short");
        one.size -= inside.size;
        if (read_text(one, "mount", &volume->mount, failure) < 0) return -1;
        if (read_text(one, "device", &volume->device, failure) < 0) return -1;
        if (!volume->mount || volume->mount[0] != '/' || !volume->device) {
            return fail(failure, "configuration: volume %lu lacks 'mount', an absolute path, or 'device'", (unsigned long)i + 1);
        }
        volume->read_only = 1;
        if (mp_find(one, "read_only", &value, NULL) == 1 && value.kind == MP_BOOLEAN) {
            volume->read_only = value.integer != 0;
        }
    }
    return 0;
}

static int read_variables(struct bytes map, struct configuration *to, struct failure *failure) {
    struct bytes inside = {NULL, 0};
    if (read_list(map, "variables", MP_MAP, &inside, &to->variable_count, failure) < 0) return -1;
    if (to->variable_count == 0) return 0;
    if (!(to->variables = room(to->variable_count, sizeof *to->variables, inside))) {
        return fail(failure, "configuration: 'variables' is cut short");
    }
    for (size_t i = 0; i < to->variable_count; i++) {
        struct mp_value name, value;
        if (mp_read(&inside, &name) != 1 || mp_read(&inside, &value) != 1 || name.kind != MP_TEXT
            || value.kind != MP_TEXT || !(to->variables[i].name = text_of(name))
            || !(to->variables[i].value = text_of(value)) || strchr(to->variables[i].name, '=')
            || !to->variables[i].name[0]) {
            return fail(failure, "configuration: a name or value in 'variables' is no text that a variable can have");
        }
    }
    return 0;
}

static int read_kind(struct bytes map, struct configuration *to, struct failure *failure) {
    char *interface, *encoding;
    if (read_text(map, "interface", &interface, failure) < 0) return -1;
    if (read_text(map, "encoding", &encoding, failure) < 0) return -1;
    if (read_text(map, "entrypoint", &to->entrypoint, failure) < 0) return -1;
    if (!to->entrypoint || !to->entrypoint[0]) return fail(failure, "configuration: it has no 'entrypoint'");
    if (!interface) to->interface = strchr(to->entrypoint, ':') ? INTERFACE_ASGI : INTERFACE_EXECUTABLE;
    else if (strcmp(interface, "asgi") == 0) to->interface = INTERFACE_ASGI;
    else if (strcmp(interface, "executable") == 0 || strcmp(interface, "binary") == 0) to->interface = INTERFACE_EXECUTABLE;
    else return fail(failure, "configuration: the interface '%s' is neither asgi nor executable", interface);
    if (!encoding || strcmp(encoding, "plain") == 0) to->encoding = ENCODING_PLAIN;
    else if (strcmp(encoding, "zip") == 0) to->encoding = ENCODING_ZIP;
    else if (strcmp(encoding, "squashfs") == 0) to->encoding = ENCODING_SQUASHFS;
    else return fail(failure, "configuration: the encoding '%s' is neither plain, zip nor squashfs", encoding);
    free(interface);
    free(encoding);
    return 0;
}

int configuration_read(struct bytes message, struct configuration *to, struct failure *failure) {
    struct bytes rest = message;
    struct mp_value head;
    memset(to, 0, sizeof *to);
    if (mp_skip(&rest) != 1 || rest.size != 0) return fail(failure, "configuration: it is not one MessagePack value");
    rest = message;
    if (mp_read(&rest, &head) != 1 || head.kind != MP_MAP) return fail(failure, "configuration: it is no map");
    if (read_kind(message, to, failure) < 0) return -1;
    if (read_bytes(message, "code", &to->code, failure) < 0) return -1;
    if (read_bytes(message, "input_data", &to->input_data, failure) < 0) return -1;
    const struct {
        const char *key;
        char **to;
    } texts[] = {
        {"vm_hash", &to->vm_hash}, {"ip", &to->ip}, {"route", &to->route},
        {"ipv6", &to->ipv6}, {"ipv6_gateway", &to->ipv6_gateway},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (read_text(message, texts[i].key, texts[i].to, failure) < 0) return -1;
    }
    if (read_texts(message, "dns_servers", &to->dns_servers, &to->dns_count, failure) < 0) return -1;
    if (read_texts(message, "authorized_keys", &to->keys, &to->key_count, failure) < 0) return -1;
    if (read_variables(message, to, failure) < 0) return -1;
    return read_volumes(message, to, failure);
}
