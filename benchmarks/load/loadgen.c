/* The load generator: one thread, any number of sessions, one kind of work per run. See phases.h for how it is driven.
 *
 *   loadgen logins   --protocol imap --port 10993 --ca ca.pem --users 1000 --sessions 16 --seconds 3
 *   loadgen download --port 10993 --ca ca.pem --sessions 8 --mib 25
 */
#include "pattern.h"
#include "phases.h"
#include "session.h"
#include "work.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BULK_READ_AHEAD (64 << 10)

static struct job job = {.sessions = 1, .seconds = 3, .warmup_s = 0.3, .mib = 100, .window = 16};

static const struct option options[] = {
    {"protocol", required_argument, NULL, 'P'}, {"port", required_argument, NULL, 'p'},
    {"port-step", required_argument, NULL, 'S'}, {"tenants", required_argument, NULL, 't'},
    {"users", required_argument, NULL, 'u'},    {"first-user", required_argument, NULL, 'f'},
    {"ca", required_argument, NULL, 'c'},       {"name", required_argument, NULL, 'n'},
    {"plain", no_argument, NULL, 'l'},          {"resume", no_argument, NULL, 'r'},
    {"sessions", required_argument, NULL, 's'}, {"seconds", required_argument, NULL, 'd'},
    {"warmup", required_argument, NULL, 'w'},   {"mib", required_argument, NULL, 'm'},
    {"rate", required_argument, NULL, 'R'},     {"window", required_argument, NULL, 'W'},
    {"limit", required_argument, NULL, 'L'},    {NULL, 0, NULL, 0},
};

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: loadgen logins|download|upload|idle|noop --port PORT --ca FILE [options]\n");
    for (const struct option *option = options; option->name; option++)
        fprintf(stderr, "  --%s%s\n", option->name, option->has_arg ? " VALUE" : "");
    exit(2);
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end || end == text || value > 100000000) {
        fprintf(stderr, "loadgen: not a number: %s\n", text);
        exit(2);
    }
    return (unsigned)value;
}

static enum protocol protocol_named(const char *text)
{
    if (strcmp(text, "imap") == 0)
        return IMAP;
    if (strcmp(text, "pop3") == 0)
        return POP3;
    if (strcmp(text, "smtp") == 0)
        return SMTP;
    usage();
}

static void take_target(int option, const char *value)
{
    switch (option) {
    case 'P': target.protocol = protocol_named(value); break;
    case 'p': target.port = number(value); break;
    case 'S': target.port_step = number(value); break;
    case 't': target.tenants = number(value); break;
    case 'u': target.users = number(value); break;
    case 'f': target.first_user = number(value); break;
    case 'c': target.ca_file = value; break;
    case 'n': target.server_name = value; break;
    case 'l': target.tls = false; break;
    case 'r': target.resume = true; break;
    default: usage();
    }
}

static void take(int option, const char *value)
{
    switch (option) {
    case 's': job.sessions = number(value); break;
    case 'd': job.seconds = atof(value); break;
    case 'w': job.warmup_s = atof(value); break;
    case 'm': job.mib = number(value); break;
    case 'R': job.rate = atof(value); break;
    case 'W': job.window = number(value); break;
    case 'L': job.limit = number(value); break;
    default: take_target(option, value);
    }
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(const struct job *); } works[] = {
        {"logins", work_logins}, {"download", work_download}, {"upload", work_upload}, {"idle", work_idle}, {"noop", work_noop},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        take(option, optarg);
    if (optind + 1 != argc || !target.port || !target.tenants || !target.users || !job.sessions || (target.tls && !target.ca_file))
        usage();
    signal(SIGPIPE, SIG_IGN);
    pattern_init();
    loop_init();
    phases_init();
    sessions_init(strcmp(argv[optind], "download") == 0 ? BULK_READ_AHEAD : 0);
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
        if (strcmp(argv[optind], works[i].name) == 0) {
            works[i].run(&job);
            return 0;
        }
    usage();
}
