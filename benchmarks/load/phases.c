#include "phases.h"

#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)

static bool got_go, got_stop;
static int64_t begin_ns, progress_ns;
static double begin_cpu_s;

static void commands(struct watch *watch, uint32_t events)
{
    char text[256];
    ssize_t n = read(watch->fd, text, sizeof text - 1);

    (void)events;
    if (n <= 0)
        exit(0); /* the harness has gone: so do we */
    text[n] = '\0';
    got_go |= strstr(text, "go") != NULL;
    got_stop |= strstr(text, "stop") != NULL;
}

void phases_init(void)
{
    static struct watch input = {.fd = STDIN_FILENO, .ready = commands};

    loop_watch(&input, EPOLLIN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    phases_progress();
}

void phases_progress(void)
{
    progress_ns = now_ns();
}

/* Prints text as JSON's inside of a string. */
static void print_escaped(const char *text)
{
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
}

static void print_errors(uint64_t errors, const char *first)
{
    printf("\"errors\": %lu, \"first_error\": \"", (unsigned long)errors);
    print_escaped(first);
    printf("\"");
}

void phases_turn(int64_t deadline_ns)
{
    int64_t stall_ns = progress_ns + STALL_S * SECOND_NS;

    if (now_ns() > stall_ns) {
        printf("{");
        print_errors(totals.errors + 1, "no answer for " STRING(STALL_S) " s");
        printf("}\n");
        exit(0);
    }
    loop_turn(deadline_ns < stall_ns ? deadline_ns : stall_ns + 1);
}

void phases_ready(void)
{
    printf("{\"ready\": true, ");
    print_errors(totals.errors, totals.first_error);
    printf("}\n");
    got_go = false;
    while (!got_go)
        loop_turn(NEVER_NS);
}

void phases_begin(void)
{
    samples_clear(&totals.latencies);
    totals.operations = totals.bytes = totals.full_handshakes = totals.resumed_handshakes = 0;
    phases_progress();
    begin_cpu_s = cpu_s();
    begin_ns = now_ns();
}

bool phases_going(int64_t end_ns)
{
    return !got_stop && now_ns() < end_ns;
}

void phases_report(const char *work)
{
    double seconds = (double)(now_ns() - begin_ns) / 1e9, used_s = cpu_s() - begin_cpu_s;

    printf("{\"work\": \"%s\", \"operations\": %lu, \"bytes\": %lu, \"seconds\": %.6f, \"cpu_s\": %.6f, ", work,
           (unsigned long)totals.operations, (unsigned long)totals.bytes, seconds, used_s);
    printf("\"full_handshakes\": %lu, \"resumed_handshakes\": %lu, \"started\": %lu, ", (unsigned long)totals.full_handshakes,
           (unsigned long)totals.resumed_handshakes, (unsigned long)totals.started);
    print_errors(totals.errors, totals.first_error);
    samples_print(&totals.latencies);
    printf("}\n");
}
