#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BATCH 128 /* events of one epoll_wait: small enough that a burst of bulk does not delay a short message for long */

static int epoll_fd = -1;
static struct watch **deferred;
static size_t deferred_count, deferred_room;

_Noreturn void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec;
}

double cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void loop_init(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("epoll_create1");
}

void loop_watch(struct watch *watch, uint32_t interest)
{
    struct epoll_event event = {.events = interest, .data.ptr = watch};
    int how = watch->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (watch->interest == interest)
        return;
    if (epoll_ctl(epoll_fd, how, watch->fd, &event) != 0)
        die("epoll_ctl");
    watch->interest = interest;
}

void loop_forget(struct watch *watch)
{
    if (watch->interest)
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->interest = 0;
    if (!watch->deferred)
        return;
    watch->deferred = false;
    for (size_t i = 0; i < deferred_count; i++)
        if (deferred[i] == watch)
            deferred[i] = NULL;
}

void loop_defer(struct watch *watch)
{
    if (watch->deferred)
        return;
    if (deferred_count == deferred_room) {
        deferred_room = deferred_room ? 2 * deferred_room : 64;
        deferred = realloc(deferred, deferred_room * sizeof *deferred);
        if (!deferred)
            die("realloc");
    }
    deferred[deferred_count++] = watch;
    watch->deferred = true;
}

static void serve_deferred(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct watch *watch = deferred[i];

        if (!watch)
            continue;
        deferred[i] = NULL;
        watch->deferred = false;
        watch->ready(watch, EPOLLIN);
    }
    /* What was deferred meanwhile stands behind `count`: move it to the front for the next turn. */
    deferred_count -= count;
    if (deferred_count)
        memmove(deferred, deferred + count, deferred_count * sizeof *deferred);
}

void loop_turn(int64_t deadline_ns)
{
    struct epoll_event events[BATCH];
    int64_t wait_ns = deferred_count ? 0 : deadline_ns == NEVER_NS ? -1 : deadline_ns - now_ns();
    struct timespec wait;
    int n;

    if (wait_ns < 0 && deadline_ns != NEVER_NS)
        wait_ns = 0;
    wait.tv_sec = wait_ns / SECOND_NS;
    wait.tv_nsec = wait_ns % SECOND_NS;
    n = epoll_pwait2(epoll_fd, events, BATCH, wait_ns < 0 ? NULL : &wait, NULL);
    if (n < 0 && errno != EINTR)
        die("epoll_pwait2");
    for (int i = 0; i < n; i++) {
        struct watch *watch = events[i].data.ptr;

        watch->ready(watch, events[i].events);
    }
    if (deferred_count)
        serve_deferred(deferred_count);
}
