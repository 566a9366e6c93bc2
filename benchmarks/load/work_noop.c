/* NOOP round trips: one after the other on each session (closed loop), or at a fixed rate whatever the answers (open loop). */
#include "phases.h"
#include "session.h"
#include "work.h"

#include <stdlib.h>

#define IN_FLIGHT 512 /* commands that one session may have under way in the open loop */

static unsigned in, waiting;
static bool closed_loop;
static int64_t end_ns;

static void send_noop(struct session *session, int64_t due_ns)
{
    if (session->due_count == IN_FLIGHT) {
        session_failed(session, "session of user %u: %d NOOPs without an answer", session->user, IN_FLIGHT);
        return;
    }
    session->due_ns[(session->due_first + session->due_count++) % IN_FLIGHT] = due_ns;
    waiting++;
    stream_send(&session->stream, "a NOOP\r\n", 8);
}

static void logged_in(struct session *session)
{
    (void)session;
    in++;
    phases_progress();
}

static void line(struct session *session, char *text)
{
    enum reply reply = judge(IMAP, false, text);

    if (reply == REPLY_MORE)
        return;
    if (reply == REPLY_REFUSED || session->due_count == 0) {
        session_failed(session, "NOOP of user %u: %s", session->user, text);
        return;
    }
    samples_add(&totals.latencies, now_ns() - session->due_ns[session->due_first]);
    session->due_first = (session->due_first + 1) % IN_FLIGHT;
    session->due_count--;
    waiting--;
    totals.operations++;
    phases_progress();
    if (closed_loop && phases_going(end_ns))
        send_noop(session, now_ns());
}

static const struct work noop = {.name = "noop", .logged_in = logged_in, .line = line};

static void log_all_in(struct session *sessions, const struct job *job)
{
    unsigned started = 0;

    while (in + totals.errors < job->sessions) {
        while (started < job->sessions && started - in - totals.errors < job->window) {
            sessions[started].due_ns = calloc(IN_FLIGHT, sizeof *sessions->due_ns);
            session_start(&sessions[started], &noop, started);
            started++;
        }
        phases_turn(NEVER_NS);
    }
}

/* The closed loop: the answer to one NOOP sends the next. */
static void run_closed(struct session *sessions, const struct job *job)
{
    closed_loop = true;
    for (unsigned i = 0; i < job->sessions; i++)
        if (sessions[i].in)
            send_noop(&sessions[i], now_ns());
    while (waiting && !totals.errors)
        phases_turn(NEVER_NS);
}

/* The open loop: command k is due at its own time, on the sessions in turn; its latency counts from then. */
static void run_open(struct session *sessions, const struct job *job)
{
    double gap_ns = 1e9 / (job->rate * job->sessions);
    int64_t start_ns = now_ns();
    uint64_t next = 0;

    closed_loop = false;
    while ((phases_going(end_ns) || waiting) && !totals.errors) {
        int64_t due_ns = start_ns + (int64_t)(gap_ns * (double)next);

        if (phases_going(end_ns) && due_ns <= now_ns())
            send_noop(&sessions[next++ % job->sessions], due_ns);
        else
            phases_turn(phases_going(end_ns) ? due_ns : NEVER_NS);
    }
}

static void run(struct session *sessions, const struct job *job, double seconds)
{
    end_ns = now_ns() + (int64_t)(seconds * 1e9);
    phases_progress();
    if (job->rate > 0)
        run_open(sessions, job);
    else
        run_closed(sessions, job);
}

void work_noop(const struct job *job)
{
    struct session *sessions = calloc(job->sessions, sizeof *sessions);

    if (!sessions)
        die("calloc");
    log_all_in(sessions, job);
    run(sessions, job, job->warmup_s);
    phases_ready();
    phases_begin();
    run(sessions, job, job->seconds);
    phases_report("noop");
}
