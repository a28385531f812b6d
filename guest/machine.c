/* What a configuration makes of the machine. */
#include "agent.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HASH_BYTES = 32, NAME_LETTERS = 52 };

/* The item hash, as a name that a host can have: base32 (RFC 4648) in lower case, without padding. */
static int host_name(const char *hash, char name[NAME_LETTERS + 1]) {
    uint8_t bytes[HASH_BYTES];
    if (strlen(hash) != 2 * HASH_BYTES) return -1;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        unsigned byte;
        if (!isxdigit((unsigned char)hash[2 * i]) || sscanf(hash + 2 * i, "%2x", &byte) != 1
            || !isxdigit((unsigned char)hash[2 * i + 1])) {
            return -1;
        }
        bytes[i] = (uint8_t)byte;
    }
    for (size_t i = 0; i < NAME_LETTERS; i++) {
        size_t bit = 5 * i;
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < HASH_BYTES ? bytes[bit / 8 + 1] : 0);
        name[i] = "abcdefghijklmnopqrstuvwxyz234567"[pair >> (11 - bit % 8) & 31];
    }
    name[NAME_LETTERS] = 0;
    return 0;
}

static int set_host_name(const struct configuration *configuration, struct failure *failure) {
    char name[NAME_LETTERS + 1];
    if (!configuration->vm_hash) return 0;
    if (host_name(configuration->vm_hash, name) < 0) {
        return fail(failure, "configuration: 'vm_hash' is no 64 hexadecimal digits");
    }
    return sethostname(name, NAME_LETTERS) < 0 ? fail_errno(failure, "the host name can't be set") : 0;
}

static int mount_volume(const struct volume *volume, struct failure *failure) {
    /* What a host makes comes first. */
    static const char *const writable[] = {"ext4", "btrfs", "xfs", NULL}, *const constant[] = {"squashfs", "ext4", NULL};
    char device[PATH_MAX];
    snprintf(device, sizeof device, "%s%s", volume->device[0] == '/' ? "" : "/dev/", volume->device);
    if (make_folders(volume->mount, failure) < 0) return -1;
    /* A disk may appear later than the first program starts. */
    for (int tries = 0; access(device, F_OK) < 0 && tries < 100; tries++) pause_for(20);
    const char *const *type = volume->read_only ? constant : writable;
    for (; *type; type++) {
        if (mount(device, volume->mount, *type, volume->read_only ? MS_RDONLY : 0, NULL) == 0) return 0;
        if (errno == ENOENT || errno == EBUSY) break;
    }
    return fail_errno(failure, "%s can't be mounted at %s", device, volume->mount);
}

static int write_name_servers(const struct configuration *configuration, struct failure *failure) {
    struct buffer text = {0};
    if (configuration->dns_count == 0) return 0;
    for (size_t i = 0; i < configuration->dns_count; i++) {
        buffer_text(&text, "nameserver ");
        buffer_text(&text, configuration->dns_servers[i]);
        buffer_text(&text, "\n");
    }
    int result = write_file("/etc/resolv.conf", text.data, text.size, 0644, failure);
    buffer_free(&text);
    return result;
}

static int write_keys(const struct configuration *configuration, struct failure *failure) {
    struct buffer text = {0};
    if (configuration->key_count == 0) return 0;
    if (make_folders("/root/.ssh", failure) < 0) return -1;
    if (chmod("/root/.ssh", 0700) < 0) return fail_errno(failure, "/root/.ssh");
    for (size_t i = 0; i < configuration->key_count; i++) {
        buffer_text(&text, configuration->keys[i]);
        buffer_text(&text, "\n");
    }
    int result = write_file("/root/.ssh/authorized_keys", text.data, text.size, 0600, failure);
    buffer_free(&text);
    return result;
}

/* Makes it executable where it isn't: on a file system that is only read, it can be no more than what it is. */
static int check_executable(const char *path, struct failure *failure) {
    struct stat status;
    if (stat(path, &status) < 0) return fail_errno(failure, "%s", path);
    if (!S_ISREG(status.st_mode)) return fail(failure, "%s is no file", path);
    if (status.st_mode & 0111) return 0;
    if (chmod(path, (status.st_mode & 07777) | 0111) < 0) {
        return fail_errno(failure, "%s is not executable, and can't be made so", path);
    }
    return 0;
}

static int place_code(const struct configuration *configuration, struct failure *failure) {
    char path[PATH_MAX];
    struct failure reason;
    int is_asgi = configuration->interface == INTERFACE_ASGI;
    switch (configuration->encoding) {
    case ENCODING_SQUASHFS: break;
    case ENCODING_ZIP:
        if (zip_unpack(configuration->code, is_asgi ? "/opt" : "/opt/code", &reason) < 0) {
            return fail(failure, "the program's zip archive: %s", reason.text);
        }
        break;
    case ENCODING_PLAIN:
        if (is_asgi) {
            if (make_folders("/run/rtverify", failure) < 0) return -1;
            return write_file(PLAIN_PROGRAM, configuration->code.data, configuration->code.size, 0644, failure);
        }
        if (snprintf(path, sizeof path, "/opt/code/%s", configuration->entrypoint) >= (int)sizeof path) {
            return fail(failure, "the entrypoint is too long");
        }
        *strrchr(path, '/') = 0;
        if (make_folders(path, failure) < 0) return -1;
        path[strlen(path)] = '/';
        if (write_file(path, configuration->code.data, configuration->code.size, 0755, failure) < 0) return -1;
        break;
    }
    if (is_asgi) return 0;
    if (snprintf(path, sizeof path, "/opt/code/%s", configuration->entrypoint) >= (int)sizeof path) {
        return fail(failure, "the entrypoint is too long");
    }
    return check_executable(path, failure);
}

/* In the order that programs can notice. */
int machine_set_up(const struct configuration *configuration, struct failure *failure) {
    struct failure reason;
    if (set_host_name(configuration, failure) < 0) return -1;
    for (size_t i = 0; i < configuration->volume_count; i++) {
        if (mount_volume(&configuration->volumes[i], failure) < 0) return -1;
    }
    if (network_up(configuration->ip, configuration->route, configuration->ipv6, configuration->ipv6_gateway, failure) < 0
        || write_name_servers(configuration, failure) < 0) {
        return -1;
    }
    if (configuration->input_data.size > 0 && zip_unpack(configuration->input_data, "/data", &reason) < 0) {
        return fail(failure, "the input data's zip archive: %s", reason.text);
    }
    if (write_keys(configuration, failure) < 0) return -1;
    return place_code(configuration, failure);
}

/* "NAME=VALUE". */
static char *assignment(const char *name, const char *value) {
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = malloc(size);
    if (text) snprintf(text, size, "%s=%s", name, value);
    return text;
}

char **machine_environment(const struct configuration *configuration) {
    static const char *const fixed[][2] = {
        {"PATH", "/sbin:/usr/sbin:/bin:/usr/bin"},
        {"HOME", "/"},
        {"TERM", "linux"},
        {"PWD", "/"},
        {"SHLVL", "1"},
        {"PYTHONPATH", "/opt/aleph/libs"},
        {"LC_CTYPE", "C.UTF-8"},
        {"ALEPH_INIT_VERSION", "2.0.0"},
        {"ALEPH_API_HOST", "http://localhost"},
        {"ALEPH_API_UNIX_SOCKET", API_SOCKET},
        {"ALEPH_REMOTE_CRYPTO_HOST", "http://localhost"},
        {"ALEPH_REMOTE_CRYPTO_UNIX_SOCKET", API_SOCKET},
        {"ALEPH_ADDRESS_TO_USE", "HOSTNAME"},
    };
    size_t known = sizeof fixed / sizeof fixed[0], count = 0;
    char **list = calloc(known + configuration->variable_count + 1, sizeof *list);
    if (!list) return NULL;
    for (size_t i = 0; i < known; i++) {
        int is_replaced = 0;
        for (size_t j = 0; j < configuration->variable_count; j++) {
            if (strcmp(configuration->variables[j].name, fixed[i][0]) == 0) is_replaced = 1;
        }
        if (!is_replaced) list[count++] = assignment(fixed[i][0], fixed[i][1]);
    }
    for (size_t i = 0; i < configuration->variable_count; i++) {
        list[count++] = assignment(configuration->variables[i].name, configuration->variables[i].value);
    }
    return list;
}

/* Version 1 of control groups, one mount a controller, and iptables that need no nf_tables: the host's kernel has none. */
void machine_prepare_docker(void) {
    char line[256], name[64], path[128];
    if (access("/usr/sbin/dockerd", X_OK) < 0 && access("/usr/bin/dockerd", X_OK) < 0) return;
    FILE *list = fopen("/proc/cgroups", "re");
    if (list && mount("cgroup", "/sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") == 0) {
        while (fgets(line, sizeof line, list)) {
            int hierarchy, groups, is_enabled;
            if (sscanf(line, "%63s %d %d %d", name, &hierarchy, &groups, &is_enabled) != 4 || !is_enabled) continue;
            snprintf(path, sizeof path, "/sys/fs/cgroup/%s", name);
            if (mkdir(path, 0755) == 0) mount("cgroup", path, "cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, name);
        }
    }
    if (list) fclose(list);
    static const char *const tools[] = {"iptables", "ip6tables"};
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        char link[64], target[64];
        snprintf(link, sizeof link, "/etc/alternatives/%s", tools[i]);
        snprintf(target, sizeof target, "/usr/sbin/%s-legacy", tools[i]);
        if (access(target, X_OK) < 0) continue;
        unlink(link);
        if (symlink(target, link) < 0) say("%s stays as it is", link);
    }
}

void machine_unmount(const struct configuration *configuration) {
    for (size_t i = configuration->volume_count; i > 0; i--) {
        const struct volume *volume = &configuration->volumes[i - 1];
        int result = -1;
        /* A process that was killed may take a moment to let go. */
        for (int tries = 0; tries < 20 && (result = umount(volume->mount)) < 0 && errno == EBUSY; tries++) pause_for(10);
        if (result == 0 || errno == EINVAL || errno == ENOENT) continue;
        /* Then at least nothing more is written, and what was is on the disk. */
        if (mount(NULL, volume->mount, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0) say("%s stays mounted", volume->mount);
    }
}
