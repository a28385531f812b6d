/* What the parts of the agent's first process share: the machine's session with its host, from the announcement to halt. */
#ifndef RTVERIFY_SESSION_H
#define RTVERIFY_SESSION_H

#include "agent.h"

#include <sys/socket.h>
#include <sys/un.h>

/* What a host finds. */
enum state { WAITING, STARTING, READY, FAILED };

struct session {
    enum state state;
    struct configuration configuration;
    /* Connections on which "halt" was said come here from the processes that heard it. */
    int halts[2];
    /* A channel to the worker, and the address that takes one connection a request. */
    int worker;
    struct sockaddr_un worker_address;
    socklen_t worker_address_size;
    /* The connection that waits for the configuration's answer. */
    int configurer;
    struct program_state *program;
};

/* The one there is: a request's process has it as it was when its connection came. */
extern struct session session;

/* --- configure.c: the connection that configures the machine --- */

/* A length in decimal digits, a newline, and so many bytes. Returns 1 where it says "halt" instead. */
int configure_by(int connection);
/* Answers it. */
void accept_configuration(void);
void refuse_configuration(struct bytes error, struct bytes traceback);

/* --- program.c: the program's process --- */

int start_program(struct failure *failure);
/* What its worker says. */
void hear_worker(void);
/* Its end, first asked for and then made; and that of all else but this process and the first one. */
void end_program(void);

/* --- requests.c: every later connection, in a process of its own --- */

/* `is_full` says that no more requests are taken, but only "halt". Never returns. */
void serve(int host, int is_full);
/* The connection on which a request's process heard "halt"; -1 where none came. */
int halted_connection(void);

/* Reads and writes end after a minute of silence. */
void limit_silence(int connection);

#endif
