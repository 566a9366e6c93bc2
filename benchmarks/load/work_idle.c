/* Sessions that wait in IDLE. */
#include "phases.h"
#include "session.h"
#include "work.h"

#include <stdlib.h>

static unsigned idling;

static void logged_in(struct session *session)
{
    phases_progress();
    stream_printf(&session->stream, "a IDLE\r\n");
}

static void line(struct session *session, char *text)
{
    (void)session;
    if (text[0] == '+')
        idling++;
    else if (judge(IMAP, false, text) != REPLY_MORE)
        session_failed(session, "IDLE of user %u: %s", session->user, text);
}

static const struct work idle = {.name = "idle", .logged_in = logged_in, .line = line};

void work_idle(const struct job *job)
{
    struct session *sessions = calloc(job->sessions, sizeof *sessions);
    unsigned started = 0;

    if (!sessions)
        die("calloc");
    while (idling + totals.errors < job->sessions) {
        while (started < job->sessions && started - idling - totals.errors < job->window) {
            session_start(&sessions[started], &idle, started);
            started++;
        }
        phases_turn(NEVER_NS);
    }
    phases_ready();
    phases_begin();
    totals.operations = idling;
    phases_report("idle");
}
