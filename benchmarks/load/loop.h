/* One epoll loop per process; whoever waits for a descriptor embeds a `struct watch`. */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct watch {
    int fd;                                            /* -1: not watched */
    uint32_t interest;                                 /* EPOLLIN | EPOLLOUT as registered */
    bool deferred;                                     /* wants `ready` in the next turn without the kernel */
    void (*ready)(struct watch *self, uint32_t events); /* may close its own watch, not another's */
};

#define SECOND_NS INT64_C(1000000000)
#define NEVER_NS INT64_MAX

/* Makes the loop; exits the process when the kernel refuses. */
void loop_init(void);

/* Registers or changes what `watch` waits for. */
void loop_watch(struct watch *watch, uint32_t interest);

/* Stops watching; the caller closes the descriptor. */
void loop_forget(struct watch *watch);

/* Calls `watch->ready` in the next turn although the descriptor may stay silent: bytes wait inside the TLS library. */
void loop_defer(struct watch *watch);

/* Serves what is ready, waiting for it until `deadline_ns` of now_ns() at most. */
void loop_turn(int64_t deadline_ns);

/* Monotonic nanoseconds. */
int64_t now_ns(void);

/* User and system CPU seconds of this process so far. */
double cpu_s(void);

/* Prints a message with errno's text and exits with status 1. */
_Noreturn void die(const char *what);

#endif
