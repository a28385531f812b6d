/* The agent itself: it listens, says that it is there, is configured once, and hands requests on until it is told to halt. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Milliseconds. A host gives five seconds from "halt" to the last word, and then kills. */
static const int64_t program_may_end_in = 2600, kill_may_take = 300;
static const int silence_limit = 60;
/* Code and data are at most 10,000,000 bytes each. */
enum { LARGEST_CONFIGURATION = 64 << 20, LARGEST_ANSWER = 32 << 10, MOST_CONNECTIONS = 400 };

/* What a host may find. */
enum state { WAITING, STARTING, READY, FAILED };

static struct {
    enum state state;
    struct configuration configuration;
    int listener;
    /* Connections on which "halt" was said come here from the processes that heard it. */
    int halts[2];
    /* A byte for each signal. */
    int signals[2];
    /* To the worker; its address takes one connection a request. */
    int worker;
    struct sockaddr_un worker_address;
    socklen_t worker_address_size;
    /* The connection that waits for the configuration's answer. */
    int configurer;
    pid_t announcer;
    int connections;
    struct program_state *program;
} agent;

/* --- Ending --- */

static void end_machine(void) {
    sync();
    /* What a host on x86 takes for the end is a reset; where there is no machine to reset, this process's end. */
    reboot(RB_AUTOBOOT);
    exit(0);
}

/* The program's end, first asked for and then made. */
static void end_program(void) {
    int64_t start = milliseconds();
    pid_t process = agent.program->process;
    if (process > 0 && !agent.program->has_ended) {
        /* A worker ends when its channel does: lifespan.shutdown comes first. */
        if (agent.worker >= 0) shutdown(agent.worker, SHUT_RDWR);
        else kill(-process, SIGTERM);
        while (waitpid(process, NULL, WNOHANG) == 0 && milliseconds() - start < program_may_end_in) pause_for(5);
    }
    /* All but this process and the first one. */
    kill(-1, SIGKILL);
    start = milliseconds();
    while (waitpid(-1, NULL, WNOHANG) >= 0 && milliseconds() - start < kill_may_take) pause_for(5);
}

static void halt(int host) {
    say("halt");
    close(agent.listener);
    end_program();
    machine_unmount(&agent.configuration);
    sync();
    if (host >= 0) {
        write_all(host, "STOP\nSTOPZ\n", 11);
        shutdown(host, SHUT_WR);
        close(host);
        /* What is sent is the host's only when its side has taken it. */
        pause_for(50);
    }
    end_machine();
}

/* --- Starting the program --- */

static void close_for_program(void) {
    /* Everything else closes itself. A console is no input. */
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) dup2(null, 0);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0 && write(score, "0", 1) < 0) say("it may not be what is ended when memory is short");
    if (chdir("/") < 0) say("no /");
}

/* Starts a program in a process group of its own. A failure to start is told by a pipe that closes otherwise. */
static int start(char *const arguments[], int channel, int requests, struct failure *failure) {
    int told[2];
    char **environment = machine_environment(&agent.configuration);
    if (!environment || pipe2(told, O_CLOEXEC) < 0) return fail_errno(failure, "the program can't be started");
    pid_t child = fork();
    if (child < 0) return fail_errno(failure, "the program can't be started");
    if (child == 0) {
        setpgid(0, 0);
        close_for_program();
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
    ssize_t got = read(told[0], &number, sizeof number);
    close(told[0]);
    for (size_t i = 0; environment[i]; i++) free(environment[i]);
    free(environment);
    if (got > 0) {
        waitpid(child, NULL, 0);
        errno = number;
        return fail_errno(failure, "%s can't be started", arguments[0]);
    }
    agent.program->process = child;
    return 0;
}

/* The worker for ASGI: a channel to it, and an address without a name for its requests. */
static int start_worker(struct failure *failure) {
    int channel[2], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    agent.worker_address_size = sizeof agent.worker_address;
    /* Bound to no name, the kernel chooses one that no file has (unix(7), autobind). */
    if (listener < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0
        || bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 || listen(listener, 512) < 0
        || getsockname(listener, (struct sockaddr *)&agent.worker_address, &agent.worker_address_size) < 0) {
        return fail_errno(failure, "no socket for the program");
    }
    const char *kind = agent.configuration.encoding == ENCODING_SQUASHFS ? "squashfs"
        : agent.configuration.encoding == ENCODING_ZIP ? "zip" : "plain";
    char *arguments[] = {"python3", "-OO", WORKER, (char *)kind, agent.configuration.entrypoint, NULL};
    int result = start(arguments, channel[1], listener, failure);
    close(channel[1]);
    close(listener);
    agent.worker = channel[0];
    return result;
}

static int start_executable(struct failure *failure) {
    char path[4096];
    snprintf(path, sizeof path, "/opt/code/%s", agent.configuration.entrypoint);
    char *arguments[] = {path, NULL};
    return start(arguments, -1, -1, failure);
}

/* --- The configuration --- */

/* One write of at most what a host reads at once. */
static void answer_configuration(struct buffer *answer) {
    write_all(agent.configurer, answer->data, answer->size);
    shutdown(agent.configurer, SHUT_WR);
    close(agent.configurer);
    agent.configurer = -1;
}

static void refuse(const char *error, struct bytes traceback) {
    struct buffer answer = {0};
    size_t size = strlen(error);
    if (size > LARGEST_ANSWER / 4) size = LARGEST_ANSWER / 4;
    size_t room = LARGEST_ANSWER - size - 64;
    /* The end of a traceback says what happened. */
    if (traceback.size > room) {
        traceback.data += traceback.size - room;
        traceback.size = room;
        while (traceback.size > 0 && (traceback.data[0] & 0xc0) == 0x80) {
            traceback.data += 1;
            traceback.size -= 1;
        }
    }
    say("not configured: %.*s", (int)(size > 900 ? 900 : size), error);
    agent.state = FAILED;
    mp_map(&answer, 3);
    mp_text(&answer, "success");
    mp_boolean(&answer, 0);
    mp_text(&answer, "error");
    mp_text_of(&answer, error, size);
    mp_text(&answer, "traceback");
    mp_text_of(&answer, traceback.data, traceback.size);
    answer_configuration(&answer);
    buffer_free(&answer);
}

static void refuse_text(const char *error) {
    struct bytes traceback = {(const uint8_t *)error, strlen(error)};
    refuse(error, traceback);
}

static void accept_configuration(void) {
    struct buffer answer = {0};
    agent.state = READY;
    mp_map(&answer, 1);
    mp_text(&answer, "success");
    mp_boolean(&answer, 1);
    say("configured");
    answer_configuration(&answer);
    buffer_free(&answer);
}

static void configure(struct bytes message) {
    struct failure failure;
    if (configuration_read(message, &agent.configuration, &failure) < 0
        || machine_set_up(&agent.configuration, &failure) < 0) {
        refuse_text(failure.text);
        return;
    }
    if (agent.configuration.interface == INTERFACE_EXECUTABLE) {
        if (start_executable(&failure) < 0) refuse_text(failure.text);
        else accept_configuration();
    } else if (start_worker(&failure) < 0) {
        refuse_text(failure.text);
    } else {
        agent.state = STARTING;
    }
}

/* What the worker says when the program is loaded: {"success": true}, or {"error", "traceback"}. */
static void hear_worker(void) {
    static struct buffer heard;
    static struct mp_scan scan = {0, 1};
    ssize_t got = -1;
    if (buffer_reserve(&heard, 4096) == 0) got = read(agent.worker, heard.data + heard.size, heard.capacity - heard.size);
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
        /* It has ended, and SIGCHLD says how; or it will, and never more speaks. */
        close(agent.worker);
        agent.worker = -1;
        return;
    }
    heard.size += (size_t)got;
    if (agent.state != STARTING || mp_scan(&scan, heard.data, heard.size) != 1) return;
    struct bytes map = {heard.data, heard.size};
    struct mp_value error, traceback;
    if (mp_find(map, "error", &error, NULL) != 1) {
        accept_configuration();
    } else {
        char text[LARGEST_ANSWER];
        size_t size = error.bytes.size < sizeof text ? error.bytes.size : sizeof text - 1;
        memcpy(text, error.bytes.data, size);
        text[size] = 0;
        if (mp_find(map, "traceback", &traceback, NULL) != 1) traceback.bytes = error.bytes;
        refuse(text, traceback.bytes);
    }
    buffer_free(&heard);
}

static void limit_silence(int connection) {
    struct timeval limit = {silence_limit, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* Exactly so many bytes. */
static int read_all(int connection, void *to, size_t size) {
    uint8_t *at = to;
    while (size > 0) {
        ssize_t got = read(connection, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

/* The connections before the machine is configured: a length in decimal digits, a newline, and so many bytes; or "halt". */
static void first_connection(int connection) {
    char line[16];
    size_t size = 0;
    agent.configurer = connection;
    limit_silence(connection);
    while (size < sizeof line && read_all(connection, line + size, 1) == 0) {
        size += 1;
        if (size == 4 && memcmp(line, "halt", 4) == 0) halt(connection);
        if (line[size - 1] == '\n') break;
    }
    size_t length = 0, digits = 0;
    while (digits < size && line[digits] >= '0' && line[digits] <= '9' && length <= LARGEST_CONFIGURATION) {
        length = length * 10 + (size_t)(line[digits] - '0');
        digits += 1;
    }
    if (size == 0 || digits == 0 || digits + 1 != size || line[digits] != '\n' || length > LARGEST_CONFIGURATION) {
        if (size > 0) say("a connection that doesn't begin with the length of a configuration");
        close(connection);
        agent.configurer = -1;
        return;
    }
    uint8_t *data = malloc(length + 1);
    if (!data || read_all(connection, data, length) < 0) {
        say("a configuration of %lu bytes was cut short", (unsigned long)length);
        free(data);
        close(connection);
        agent.configurer = -1;
        return;
    }
    struct bytes message = {data, length};
    configure(message);
    /* Its texts are copies; its code and data are where they belong. */
    free(data);
}

/* --- Requests: each in a process of its own --- */

/* Passes a connection to the agent's first process. */
static void pass(int connection) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {"h", 1};
    struct msghdr message;
    memset(&control, 0, sizeof control);
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.room;
    message.msg_controllen = sizeof control.room;
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof connection);
    memcpy(CMSG_DATA(&control.head), &connection, sizeof connection);
    sendmsg(agent.halts[1], &message, 0);
}

static void hear_halt(void) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    int connection = -1;
    struct iovec part = {&byte, 1};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.room;
    message.msg_controllen = sizeof control.room;
    if (recvmsg(agent.halts[0], &message, MSG_CMSG_CLOEXEC) < 0) return;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_type == SCM_RIGHTS) memcpy(&connection, CMSG_DATA(head), sizeof connection);
    halt(connection);
}

static void send_error(int host, const char *error) {
    struct buffer answer = {0};
    error_answer(&answer, error);
    write_all(host, answer.data, answer.size);
}

/* To the worker: eight bytes of length, the message. Then whatever it answers goes to the host as it comes. */
static void ask_worker(int host, const struct buffer *message) {
    static uint8_t bytes[65536];
    uint8_t length[8];
    int worker = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)message->size >> (56 - 8 * i));
    if (worker < 0 || connect(worker, (struct sockaddr *)&agent.worker_address, agent.worker_address_size) < 0
        || write_all(worker, length, sizeof length) < 0 || write_all(worker, message->data, message->size) < 0) {
        /* It has just ended, and the machine will with it. */
        return;
    }
    for (;;) {
        struct pollfd both[2] = {{worker, POLLIN, 0}, {host, POLLRDHUP, 0}};
        if (poll(both, 2, -1) < 0 && errno != EINTR) return;
        /* The program hears of it: its connection closes, too. */
        if (both[1].revents & (POLLRDHUP | POLLHUP | POLLERR)) return;
        if (!(both[0].revents & (POLLIN | POLLHUP | POLLERR))) continue;
        ssize_t got = read(worker, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || write_all(host, bytes, (size_t)got) < 0) return;
    }
}

static void answer_message(int host, const struct buffer *message) {
    struct bytes map = {message->data, message->size}, scope;
    struct mp_value value;
    if (mp_find(map, "scope", &value, &scope) != 1 || value.kind != MP_MAP) {
        send_error(host, "the request is no map with a 'scope'");
    } else if (agent.state != READY) {
        send_error(host, agent.state == FAILED ? "the machine's configuration failed" : "the machine isn't configured yet");
    } else if (agent.configuration.interface == INTERFACE_EXECUTABLE) {
        http_answer(scope, host, agent.program);
    } else {
        ask_worker(host, message);
    }
}

/* A message is whole when MessagePack says so: a host doesn't close its side. */
static void serve(int host) {
    struct buffer message = {0};
    struct mp_scan scan = {0, 1};
    limit_silence(host);
    for (;;) {
        if (buffer_reserve(&message, 65536) < 0) {
            send_error(host, "there is no memory for the request");
            return;
        }
        ssize_t got = read(host, message.data + message.size, message.capacity - message.size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;
        message.size += (size_t)got;
        uint8_t first = message.data[0];
        if (first == 'h') {
            if (message.size < 4 && memcmp(message.data, "halt", message.size) == 0) continue;
            if (message.size != 4 || memcmp(message.data, "halt", 4) != 0) return;
            pass(host);
            /* The connection is no longer this process's to end. */
            _exit(0);
        }
        if ((first & 0xf0) != 0x80 && first != 0xde && first != 0xdf) {
            send_error(host, first == '!' ? "shell commands aren't taken" : "the request is no MessagePack map");
            return;
        }
        int found = mp_scan(&scan, message.data, message.size);
        if (found == 0) continue;
        if (found < 0 || scan.at != message.size) send_error(host, "the request is not one MessagePack map");
        else answer_message(host, &message);
        return;
    }
}

static void take_connection(void) {
    int connection = accept4(agent.listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) {
        if (errno != EINTR && errno != ECONNABORTED) pause_for(10);
        return;
    }
    if (agent.state == WAITING) {
        first_connection(connection);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        close(agent.listener);
        signal(SIGCHLD, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        serve(connection);
        /* Closed in an orderly way, so that what was sent last arrives. */
        shutdown(connection, SHUT_WR);
        _exit(0);
    }
    if (child > 0) agent.connections += 1;
    else send_error(connection, "the machine has no room for another process");
    close(connection);
}

/* --- The first process --- */

static void hear_signal(int number) {
    int before = errno;
    uint8_t byte = (uint8_t)number;
    if (write(agent.signals[1], &byte, 1) < 0 && errno != EAGAIN) _exit(1);
    errno = before;
}

static void program_ended(int status) {
    char text[32], error[128];
    agent.program->status = status;
    agent.program->has_ended = 1;
    snprintf(error, sizeof error, "the program ended with %s", ending_text(status, text, sizeof text));
    if (agent.state == STARTING) {
        refuse_text(error);
        return;
    }
    say("%s", error);
    /* A network that gets no answer stops the machine and starts another at the next request: what a program that exits
     * asks for. An executable's end is told to whoever asks. */
    if (agent.state == READY && agent.configuration.interface == INTERFACE_ASGI) end_machine();
}

static void reap(void) {
    int status;
    pid_t child;
    while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
        if (child == agent.program->process) {
            /* What it said before it ended comes first. */
            struct pollfd channel = {agent.worker, POLLIN, 0};
            while (agent.state == STARTING && agent.worker >= 0 && poll(&channel, 1, 0) == 1) hear_worker();
            program_ended(status);
        } else if (child == agent.announcer) {
            agent.announcer = 0;
        } else if (agent.connections > 0) {
            agent.connections -= 1;
        }
    }
}

/* Says to the host which protocol this is, again and again until it listens. */
static void announce(void) {
    struct buffer message = {0};
    mp_map(&message, 1);
    mp_text(&message, "version");
    mp_text(&message, "2.0.0");
    for (;;) {
        int host = host_connect(AGENT_PORT);
        if (host >= 0) {
            int result = write_all(host, message.data, message.size);
            shutdown(host, SHUT_WR);
            close(host);
            if (result == 0) _exit(0);
        }
        pause_for(50);
    }
}

static void open_standard(void) {
    int null;
    /* A machine without a console starts its first program with nothing open. */
    do null = open("/dev/null", O_RDWR | O_CLOEXEC); while (null >= 0 && null < 3);
    for (int i = 0; i < 3; i++) {
        int flags = fcntl(i, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC)) dup2(null, i);
    }
    close(null);
}

static pid_t fork_or_say(const char *what) {
    pid_t child = fork();
    if (child < 0) say("no process for %s: %s", what, strerror(errno));
    if (child == 0) {
        signal(SIGCHLD, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
    }
    return child;
}

static int prepare(void) {
    struct failure failure;
    agent.worker = agent.configurer = -1;
    agent.program = mmap(NULL, sizeof *agent.program, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (agent.program == MAP_FAILED || pipe2(agent.signals, O_CLOEXEC | O_NONBLOCK) < 0
        || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, agent.halts) < 0) {
        say("it can't start: %s", strerror(errno));
        return -1;
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = hear_signal;
    sigaction(SIGCHLD, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    /* The driver may still be looking for its device. */
    for (int tries = 0; (agent.listener = host_listen(AGENT_PORT)) < 0 && tries < 200; tries++) pause_for(50);
    if (agent.listener < 0) {
        say("no vsock to listen on: %s", strerror(errno));
        return -1;
    }
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        if (write(score, "-900", 4) < 0) say("it may be ended when memory is short");
        close(score);
    }
    if (loopback_up(&failure) < 0) say("%s", failure.text);
    machine_prepare_docker();
    int relay = api_listen();
    if (relay < 0) say("no guest API at " API_SOCKET ": %s", strerror(errno));
    else if (fork_or_say("the guest API") == 0) {
        close(agent.listener);
        api_relay(relay);
    } else close(relay);
    return 0;
}

int main(void) {
    open_standard();
    if (prepare() < 0) return 1;
    agent.announcer = fork_or_say("the announcement");
    if (agent.announcer == 0) {
        close(agent.listener);
        announce();
    }
    say("listening");
    for (;;) {
        /* A connection more than there is room for waits. */
        int listener = agent.connections < MOST_CONNECTIONS ? agent.listener : -1;
        struct pollfd all[4] = {
            {agent.signals[0], POLLIN, 0}, {agent.halts[0], POLLIN, 0}, {agent.worker, POLLIN, 0}, {listener, POLLIN, 0}};
        if (poll(all, 4, -1) < 0) continue;
        if (all[0].revents) {
            uint8_t numbers[64];
            ssize_t count = read(agent.signals[0], numbers, sizeof numbers);
            for (ssize_t i = 0; i < count; i++) if (numbers[i] == SIGTERM) halt(-1);
            reap();
        }
        if (all[1].revents) hear_halt();
        if (all[2].revents) hear_worker();
        if (all[3].revents) take_connection();
    }
}
