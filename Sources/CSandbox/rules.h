// Rules of a filter, by a call's name (libseccomp's seccomp_rule_add(3)).
#pragma once
#include <seccomp.h>

// Adds a call; one that is another architecture's, or newer than libseccomp, is passed over.
static inline int add_call(scmp_filter_ctx filter, uint32_t action, const char *name) {
    int number = seccomp_syscall_resolve_name(name);
    return number < 0 ? 0 : seccomp_rule_add(filter, action, number, 0);
}

// Adds a list of them. Each returns 0, or what libseccomp says.
static inline int add_calls(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count) {
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) status = add_call(filter, action, names[i]);
    return status;
}
