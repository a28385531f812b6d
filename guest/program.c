/* The program's process: how it starts, what its worker says, how it ends. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Milliseconds. A host gives five seconds from "halt" to the last word, and then kills. */
static const int64_t may_end_in = 2600, kill_may_take = 300;

static void become_program(void) {
    /* Everything else closes itself. A console is no input. */
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) dup2(null, 0);
    static const int signals[] = {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) signal(signals[i], SIG_DFL);
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0 && write(score, "0", 1) < 0) say("it may not be what is ended when memory is short");
    if (chdir("/") < 0) say("no /");
}

/* Starts a program in a process group of its own. A failure to start is told by a pipe that closes otherwise. */
static int start(char *const arguments[], int channel, int requests, struct failure *failure) {
    int told[2];
    char **environment = machine_environment(&session.configuration);
    if (!environment || pipe2(told, O_CLOEXEC) < 0) return fail_errno(failure, "the program can't be started");
    pid_t child = fork();
    if (child < 0) return fail_errno(failure, "the program can't be started");
    if (child == 0) {
        setpgid(0, 0);
        become_program();
        if (channel >= 0) {
            /* Above the two that they become. */
            channel = fcntl(channel, F_DUPFD_CLOEXEC, 10);
            requests = fcntl(requests, F_DUPFD_CLOEXEC, 10);
            dup2(channel, 3);
            dup2(requests, 4);
        }
        environ = environment;
        /* What is no program is not to become a script of the shell, which execvp(3) may make of it. */
        if (strchr(arguments[0], '/')) execv(arguments[0], arguments);
        else execvp(arguments[0], arguments);
        int number = errno;
        if (write(told[1], &number, sizeof number) < 0) _exit(126);
        _exit(127);
    }
    setpgid(child, child);
    close(told[1]);
    int number = 0;
    ssize_t got;
    /* Another child may end just now. */
    do got = read(told[0], &number, sizeof number); while (got < 0 && errno == EINTR);
    close(told[0]);
    for (size_t i = 0; environment[i]; i++) free(environment[i]);
    free(environment);
    if (got > 0) {
        waitpid(child, NULL, 0);
        errno = number;
        return fail_errno(failure, "%s can't be started", arguments[0]);
    }
    session.program->process = child;
    return 0;
}

/* The worker for ASGI: a channel to it, and an address without a name for its requests. */
static int start_worker(struct failure *failure) {
    static const char *const kinds[] = {[ENCODING_PLAIN] = "plain", [ENCODING_ZIP] = "zip", [ENCODING_SQUASHFS] = "squashfs"};
    int channel[2], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    session.worker_address_size = sizeof session.worker_address;
    /* Bound to no name, the kernel chooses one that no file has (unix(7), autobind). */
    if (listener < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0
        || bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 || listen(listener, 512) < 0
        || getsockname(listener, (struct sockaddr *)&session.worker_address, &session.worker_address_size) < 0) {
        return fail_errno(failure, "no socket for the program");
    }
    char *arguments[] = {"python3", "-OO", WORKER, (char *)kinds[session.configuration.encoding],
                         session.configuration.entrypoint, NULL};
    int result = start(arguments, channel[1], listener, failure);
    close(channel[1]);
    close(listener);
    session.worker = channel[0];
    return result;
}

int start_program(struct failure *failure) {
    if (session.configuration.interface == INTERFACE_ASGI) return start_worker(failure);
    char path[4096];
    snprintf(path, sizeof path, "/opt/code/%s", session.configuration.entrypoint);
    char *arguments[] = {path, NULL};
    return start(arguments, -1, -1, failure);
}

/* When the program is loaded it says {"success": true}, or {"error", "traceback"}; and then no more. */
void hear_worker(void) {
    static struct buffer heard;
    static struct mp_scan scan = {0, 1};
    ssize_t got = -1;
    if (buffer_reserve(&heard, 4096) == 0) {
        got = read(session.worker, heard.data + heard.size, heard.capacity - heard.size);
    }
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
        /* It has ended, and SIGCHLD says how; or it will, and never more speaks. */
        close(session.worker);
        session.worker = -1;
        return;
    }
    heard.size += (size_t)got;
    if (session.state != STARTING || mp_scan(&scan, heard.data, heard.size) != 1) return;
    struct bytes map = {heard.data, heard.size};
    struct mp_value error, traceback;
    if (mp_find(map, "error", &error, NULL) != 1) {
        accept_configuration();
    } else {
        if (mp_find(map, "traceback", &traceback, NULL) != 1) traceback = error;
        refuse_configuration(error.bytes, traceback.bytes);
    }
    buffer_free(&heard);
}

/* Whether something of the program's process group is left. */
static int is_running(pid_t process) {
    while (waitpid(-1, NULL, WNOHANG) > 0) { }
    return kill(-process, 0) == 0;
}

void end_program(void) {
    int64_t start = milliseconds();
    pid_t process = session.program->process;
    if (process > 0) {
        int is_worker = session.worker >= 0;
        /* A worker ends when its channel does: lifespan.shutdown comes first. What else it started is not waited for. */
        if (is_worker) shutdown(session.worker, SHUT_RDWR);
        else kill(-process, SIGTERM);
        while (milliseconds() - start < may_end_in
               && (is_worker ? waitpid(process, NULL, WNOHANG) == 0 : is_running(process))) {
            pause_for(5);
        }
    }
    kill(-1, SIGKILL);
    start = milliseconds();
    while (waitpid(-1, NULL, WNOHANG) >= 0 && milliseconds() - start < kill_may_take) pause_for(5);
}
