#include "session.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SOURCE 0x7f0a0001u /* 127.10.0.1: each account comes from an address of its own, as outside a benchmark */

struct target target = {.tls = true, .tenants = 1, .users = 1, .server_name = "mail.bench.test"};
struct totals totals;

static SSL_CTX *context;

static int keep_ticket(SSL *ssl, SSL_SESSION *ticket)
{
    struct session *session = SSL_get_app_data(ssl);

    SSL_SESSION_free(session->ticket);
    session->ticket = ticket;
    return 1;
}

void sessions_init(size_t read_ahead_bytes)
{
    if (!target.tls)
        return;
    context = tls_context(TLS_client_method(), read_ahead_bytes);
    if (SSL_CTX_load_verify_locations(context, target.ca_file, NULL) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (target.resume)
        SSL_CTX_sess_set_new_cb(context, keep_ticket);
}

void session_failed(struct session *session, const char *format, ...)
{
    va_list arguments;

    if (totals.errors++ == 0) {
        va_start(arguments, format);
        vsnprintf(totals.first_error, sizeof totals.first_error, format, arguments);
        va_end(arguments);
    }
    stream_close(&session->stream);
    session->in = false;
    if (session->work->failed)
        session->work->failed(session);
}

/* Sends the next line of the login, or tells the work that the session is in. */
static void advance(struct session *session)
{
    struct account account = account_of(session->user, target.tenants);
    char line[256];

    session->step++;
    if (login_line(target.protocol, session->step, &account, line, sizeof line)) {
        stream_send(&session->stream, line, strlen(line));
        return;
    }
    session->in = true;
    session->work->logged_in(session);
}

static void login_reply(struct session *session, const char *line)
{
    enum reply reply = judge(target.protocol, session->step == 0, line);

    if (reply == REPLY_OK)
        advance(session);
    else if (reply == REPLY_REFUSED)
        session_failed(session, "login of user %u, step %u: %s", session->user, session->step, line);
}

static void opened(struct stream *stream)
{
    struct session *session = (struct session *)stream;

    if (!stream->ssl)
        return;
    if (SSL_session_reused(stream->ssl))
        totals.resumed_handshakes++;
    else
        totals.full_handshakes++;
    session->step = 0;
}

static void handle_line(struct session *session, char *line)
{
    if (!session->in)
        login_reply(session, line);
    else if (!session->leaving)
        session->work->line(session, line);
    else if (judge(target.protocol, false, line) != REPLY_MORE && session->work->left) {
        stream_close(&session->stream);
        session->work->left(session);
    }
}

static void data(struct stream *stream, const unsigned char *bytes, size_t n)
{
    struct session *session = (struct session *)stream;
    unsigned generation = stream->generation;

    while (n && stream->state == STREAM_OPEN && stream->generation == generation) {
        size_t taken = session->in && session->work->bytes ? session->work->bytes(session, bytes, n) : 0;
        char *line;

        bytes += taken;
        n -= taken;
        if (!taken && (line = lines_next(&session->lines, &bytes, &n)))
            handle_line(session, line);
    }
}

static void writable(struct stream *stream)
{
    struct session *session = (struct session *)stream;

    session->work->writable(session);
}

static void closed(struct stream *stream, const char *why)
{
    struct session *session = (struct session *)stream;

    if (session->leaving && session->work->left)
        session->work->left(session);
    else
        session_failed(session, "session of user %u, step %u: %s", session->user, session->step, why);
}

static const struct stream_events events = {.opened = opened, .data = data, .writable = writable, .closed = closed};

static SSL *client_ssl(struct session *session)
{
    SSL *ssl = SSL_new(context);

    if (!ssl || SSL_set_tlsext_host_name(ssl, target.server_name) != 1 || SSL_set1_host(ssl, target.server_name) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_set_app_data(ssl, session);
    if (session->ticket)
        SSL_set_session(ssl, session->ticket);
    return ssl;
}

void session_start(struct session *session, const struct work *work, unsigned user)
{
    unsigned number = target.first_user + user % target.users;
    unsigned port = target.port + number % target.tenants * target.port_step;

    totals.started++;
    session->work = work;
    session->user = number;
    session->step = 0;
    session->in = session->leaving = false;
    session->due_first = session->due_count = 0;
    session->connect_ns = now_ns();
    lines_reset(&session->lines);
    stream_connect(&session->stream, &events, FIRST_SOURCE + number, port, target.tls ? client_ssl(session) : NULL);
}

void session_leave(struct session *session)
{
    const char *line = farewell(target.protocol);

    session->leaving = true;
    stream_send(&session->stream, line, strlen(line));
}
