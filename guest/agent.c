/* The agent's first process: it listens, says that it is there, and has the rest done until it is told to halt. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

/* Requests at once, and connections beyond them on which "halt" may still be said. */
#ifndef MOST_CONNECTIONS
#define MOST_CONNECTIONS 400
#endif
enum { RESERVE = 16 };

struct session session = {.worker = -1, .configurer = -1};

/* A byte for each signal. */
static int signals[2];
static int listener, connections;
static pid_t announcer;

/* --- Ending --- */

static void end_machine(void) {
    sync();
    /* What a host on x86 takes for the end is a reset; where there is no machine to reset, this process's end. */
    reboot(RB_AUTOBOOT);
    exit(0);
}

/* - host: the connection that waits for the two words; -1 where nobody does. */
static void halt(int host) {
    say("halt");
    close(listener);
    end_program();
    machine_unmount(&session.configuration);
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

static void program_ended(int status) {
    char text[32], error[128];
    session.program->status = status;
    session.program->has_ended = 1;
    snprintf(error, sizeof error, "the program ended with %s", ending_text(status, text, sizeof text));
    if (session.state == STARTING) {
        struct bytes reason = {(const uint8_t *)error, strlen(error)};
        refuse_configuration(reason, reason);
        return;
    }
    say("%s", error);
    /* A network that gets no answer stops the machine and starts another at the next request: what a program that exits
     * asks for. An executable's end is told to whoever asks. */
    if (session.state == READY && session.configuration.interface == INTERFACE_ASGI) end_machine();
}

static void reap(void) {
    int status;
    pid_t child;
    while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
        if (child == session.program->process) {
            /* What it said before it ended comes first. */
            struct pollfd channel = {session.worker, POLLIN, 0};
            while (session.state == STARTING && session.worker >= 0 && poll(&channel, 1, 0) == 1) hear_worker();
            program_ended(status);
        } else if (child == announcer) {
            announcer = 0;
        } else if (connections > 0) {
            connections -= 1;
        }
    }
}

/* --- Beginning --- */

static void hear_signal(int number) {
    int before = errno;
    uint8_t byte = (uint8_t)number;
    if (write(signals[1], &byte, 1) < 0 && errno != EAGAIN) _exit(1);
    errno = before;
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
        close(listener);
    }
    return child;
}

static int prepare(void) {
    struct failure failure;
    session.program = mmap(NULL, sizeof *session.program, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (session.program == MAP_FAILED || pipe2(signals, O_CLOEXEC | O_NONBLOCK) < 0
        || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, session.halts) < 0) {
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
    for (int tries = 0; (listener = host_listen(AGENT_PORT)) < 0 && tries < 200; tries++) pause_for(50);
    if (listener < 0) {
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
    else if (fork_or_say("the guest API") == 0) api_relay(relay);
    else close(relay);
    announcer = fork_or_say("the announcement");
    if (announcer == 0) announce();
    say("listening");
    return 0;
}

static void take_connection(void) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) {
        if (errno != EINTR && errno != ECONNABORTED) pause_for(10);
        return;
    }
    if (session.state == WAITING) {
        if (configure_by(connection) == 1) halt(connection);
        return;
    }
    pid_t child = fork_or_say("a connection");
    if (child == 0) serve(connection, connections >= MOST_CONNECTIONS);
    if (child > 0) connections += 1;
    close(connection);
}

int main(void) {
    open_standard();
    if (prepare() < 0) return 1;
    for (;;) {
        /* Beyond the reserve a connection waits. */
        int next = connections < MOST_CONNECTIONS + RESERVE ? listener : -1;
        struct pollfd all[4] = {
            {signals[0], POLLIN, 0}, {session.halts[0], POLLIN, 0}, {session.worker, POLLIN, 0}, {next, POLLIN, 0}};
        if (poll(all, 4, -1) < 0) continue;
        if (all[0].revents) {
            uint8_t numbers[64];
            ssize_t count = read(signals[0], numbers, sizeof numbers);
            for (ssize_t i = 0; i < count; i++) if (numbers[i] == SIGTERM) halt(-1);
            reap();
        }
        if (all[1].revents) halt(halted_connection());
        if (all[2].revents) hear_worker();
        if (all[3].revents) take_connection();
    }
}
