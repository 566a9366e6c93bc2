/* Bulk: IMAP FETCH of a big literal, and SMTP DATA; whole messages, one after the other on each session. */
#include "pattern.h"
#include "phases.h"
#include "session.h"
#include "text.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES 16384        /* one TLS record, the most that TLS allows */
#define RECORDS_IN_A_TURN 4       /* then the other sessions have theirs */

static unsigned in, busy, mib;
static int64_t end_ns;

/* ---- download ---- */

static void fetch(struct session *session)
{
    busy++;
    stream_printf(&session->stream, "a FETCH %u BODY[]\r\n", mib);
}

static size_t literal(struct session *session, const unsigned char *data, size_t n)
{
    uint64_t left = session->length - session->offset;
    size_t take = n < left ? n : (size_t)left, good = pattern_match(session->offset, data, take);

    if (good != take) {
        session_failed(session, "download: byte %llu of user %u differs", (unsigned long long)(session->offset + good),
                       session->user);
        return n;
    }
    session->offset += take;
    totals.bytes += take;
    phases_progress();
    return take;
}

static void download_line(struct session *session, char *text)
{
    char *brace = strrchr(text, '{');
    enum reply reply = judge(IMAP, false, text);

    if (reply == REPLY_MORE && brace) {
        session->offset = 0;
        session->length = strtoull(brace + 1, NULL, 10);
    } else if (reply == REPLY_REFUSED || (reply == REPLY_OK && session->length != pattern_message_bytes(mib))) {
        session_failed(session, "FETCH of user %u: %s after %llu bytes", session->user, text, (unsigned long long)session->length);
    } else if (reply == REPLY_OK) {
        totals.operations++;
        session->offset = session->length = 0;
        busy--;
        if (phases_going(end_ns))
            fetch(session);
    }
}

/* ---- upload ---- */

static void send_message(struct session *session)
{
    busy++;
    session->offset = session->length = 0;
    stream_printf(&session->stream, "MAIL FROM:<%s>\r\n", account_of(session->user, target.tenants).address);
}

static void pour(struct session *session)
{
    for (unsigned i = 0; session->offset < session->length; i++) {
        uint64_t left = session->length - session->offset;
        size_t want = left < RECORD_BYTES ? (size_t)left : RECORD_BYTES, sent;

        if (i == RECORDS_IN_A_TURN) {
            stream_want_writable(&session->stream);
            return;
        }
        sent = stream_send_some(&session->stream, pattern_at(session->offset), want);
        if (!sent)
            return;
        session->offset += sent;
        totals.bytes += sent;
        phases_progress();
    }
    stream_send(&session->stream, ".\r\n", 3);
}

/* The upstream's last word on a message is "250 2.0.0 OK verified N bytes". */
static void message_taken(struct session *session, const char *text)
{
    const char *verified = strstr(text, "verified ");

    if (!verified || strtoull(verified + strlen("verified "), NULL, 10) != pattern_message_bytes(mib)) {
        session_failed(session, "DATA of user %u: %s", session->user, text);
        return;
    }
    totals.operations++;
    busy--;
    if (phases_going(end_ns))
        send_message(session);
}

static void upload_line(struct session *session, char *text)
{
    if (judge(SMTP, false, text) == REPLY_REFUSED) {
        session_failed(session, "upload of user %u: %s", session->user, text);
    } else if (starts(text, "354")) {
        session->length = pattern_message_bytes(mib);
        pour(session);
    } else if (session->length) {
        message_taken(session, text);
    } else if (strstr(text, "2.1.0")) {
        stream_printf(&session->stream, "RCPT TO:<sink@bench.test>\r\n");
    } else {
        stream_printf(&session->stream, "DATA\r\n");
    }
}

/* ---- both ---- */

static void logged_in(struct session *session)
{
    (void)session;
    in++;
    phases_progress();
}

static const struct work download = {.name = "download", .logged_in = logged_in, .line = download_line, .bytes = literal};
static const struct work upload = {.name = "upload", .logged_in = logged_in, .line = upload_line, .writable = pour};

static void run(struct session *sessions, const struct job *job, double seconds, void (*begin)(struct session *))
{
    end_ns = now_ns() + (int64_t)(seconds * 1e9);
    for (unsigned i = 0; i < job->sessions; i++)
        begin(&sessions[i]);
    while (busy && !totals.errors)
        phases_turn(NEVER_NS);
}

static void bulk(const struct job *job, const struct work *work, void (*begin)(struct session *))
{
    struct session *sessions = calloc(job->sessions, sizeof *sessions);

    if (!sessions)
        die("calloc");
    for (unsigned i = 0; i < job->sessions; i++)
        session_start(&sessions[i], work, i);
    while (in < job->sessions && !totals.errors)
        phases_turn(NEVER_NS);
    mib = 1; /* the warm-up grows the windows of TCP, no more */
    if (!totals.errors)
        run(sessions, job, job->warmup_s, begin);
    mib = job->mib;
    phases_ready();
    phases_begin();
    if (!totals.errors)
        run(sessions, job, job->seconds, begin);
    phases_report(work->name);
}

void work_download(const struct job *job)
{
    bulk(job, &download, fetch);
}

void work_upload(const struct job *job)
{
    bulk(job, &upload, send_message);
}
