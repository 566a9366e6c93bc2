/* Logins as fast as they go, a fixed number at a time. */
#include "phases.h"
#include "session.h"
#include "work.h"

#include <stdlib.h>

#define ERRORS_ENOUGH 50 /* a peer that refuses this many will refuse the rest */

static unsigned next_user, running, started, limit;
static int64_t end_ns;

static void begin_one(struct session *session);

static void logged_in(struct session *session)
{
    samples_add(&totals.latencies, now_ns() - session->connect_ns);
    totals.operations++;
    phases_progress();
    session_leave(session);
}

static void gone(struct session *session)
{
    running--;
    begin_one(session);
}

static const struct work logins = {.name = "logins", .logged_in = logged_in, .left = gone, .failed = gone};

static void begin_one(struct session *session)
{
    if (!phases_going(end_ns) || (limit && started >= limit) || totals.errors >= ERRORS_ENOUGH)
        return;
    running++;
    started++;
    session_start(session, &logins, next_user++);
}

static void run(struct session *sessions, const struct job *job, double seconds)
{
    end_ns = now_ns() + (int64_t)(seconds * 1e9);
    started = 0;
    for (unsigned i = 0; i < job->sessions; i++)
        begin_one(&sessions[i]);
    while (running)
        phases_turn(NEVER_NS);
}

void work_logins(const struct job *job)
{
    struct session *sessions = calloc(job->sessions, sizeof *sessions);

    if (!sessions)
        die("calloc");
    if (job->warmup_s > 0)
        run(sessions, job, job->warmup_s);
    phases_ready();
    phases_begin();
    limit = job->limit;
    run(sessions, job, job->seconds);
    phases_report("logins");
}
