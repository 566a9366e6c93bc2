#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (32 << 10)    /* one read; two full TLS records */
#define READ_BUDGET (64 << 10)   /* bytes that one stream may take in a turn before the others have theirs */

static void fail(struct stream *stream, const char *why)
{
    stream_close(stream);
    stream->events->closed(stream, why);
}

static const char *tls_error(SSL *ssl, int result)
{
    static char text[256];
    int saved = errno, code = SSL_get_error(ssl, result);
    unsigned long reason = ERR_get_error();

    if (code == SSL_ERROR_ZERO_RETURN)
        return "closed by the peer";
    if (reason == 0)
        return code == SSL_ERROR_SYSCALL && saved ? strerror(saved) : "closed by the peer without close_notify";
    ERR_error_string_n(reason, text, sizeof text);
    ERR_clear_error();
    return text;
}

static bool would_block(SSL *ssl, int result)
{
    int code = SSL_get_error(ssl, result);

    return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE;
}

static void await(struct stream *stream)
{
    loop_watch(&stream->watch, EPOLLIN | (stream->hungry || stream->unsent_bytes ? EPOLLOUT : 0));
}

/* Returns bytes read, 0 when none are there, -1 after the stream was closed. */
static int read_some(struct stream *stream, unsigned char *buffer, int room)
{
    int n;

    if (!stream->ssl) {
        n = (int)recv(stream->watch.fd, buffer, (size_t)room, 0);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            fail(stream, n == 0 ? "closed by the peer" : strerror(errno));
        return n > 0 ? n : -1;
    }
    errno = 0;
    n = SSL_read(stream->ssl, buffer, room);
    if (n > 0)
        return n;
    if (would_block(stream->ssl, n))
        return 0;
    fail(stream, tls_error(stream->ssl, n));
    return -1;
}

static void pump_in(struct stream *stream)
{
    static unsigned char buffer[READ_BYTES];
    unsigned generation = stream->generation;
    int budget = READ_BUDGET;

    while (budget > 0) {
        int n = read_some(stream, buffer, sizeof buffer);

        if (n <= 0)
            return;
        stream->events->data(stream, buffer, (size_t)n);
        if (stream->generation != generation || stream->state != STREAM_OPEN)
            return;
        budget -= n;
    }
    if (stream->ssl && SSL_has_pending(stream->ssl))
        loop_defer(&stream->watch);
}

/* Returns bytes taken, 0 when the socket is full, -1 after the stream was closed. */
static long write_some(struct stream *stream, const void *data, size_t n)
{
    long sent;

    if (!stream->ssl) {
        sent = send(stream->watch.fd, data, n, MSG_NOSIGNAL);
        if (sent >= 0 || errno == EAGAIN)
            return sent < 0 ? 0 : sent;
        fail(stream, strerror(errno));
        return -1;
    }
    errno = 0;
    sent = SSL_write(stream->ssl, data, (int)n);
    if (sent > 0)
        return sent;
    if (would_block(stream->ssl, (int)sent))
        return 0;
    fail(stream, tls_error(stream->ssl, (int)sent));
    return -1;
}

static void pump_out(struct stream *stream)
{
    if (stream->unsent_bytes) {
        long n = write_some(stream, stream->unsent, stream->unsent_bytes);

        if (n < 0)
            return;
        stream->unsent_bytes -= (size_t)n;
        memmove(stream->unsent, stream->unsent + n, stream->unsent_bytes);
    } else if (stream->hungry) {
        stream->hungry = false;
        stream->events->writable(stream);
        if (stream->state != STREAM_OPEN)
            return;
    }
    await(stream);
}

static void open_now(struct stream *stream)
{
    stream->state = STREAM_OPEN;
    await(stream);
    stream->events->opened(stream);
}

static void shake_hands(struct stream *stream)
{
    int done;

    errno = 0;
    done = SSL_do_handshake(stream->ssl);
    if (done == 1)
        open_now(stream);
    else if (!would_block(stream->ssl, done))
        fail(stream, tls_error(stream->ssl, done));
    else
        loop_watch(&stream->watch, SSL_want_write(stream->ssl) ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void connected(struct stream *stream)
{
    int error = 0;
    socklen_t size = sizeof error;

    getsockopt(stream->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        fail(stream, strerror(error));
        return;
    }
    if (!stream->ssl) {
        open_now(stream);
        return;
    }
    stream->state = STREAM_HANDSHAKE;
    shake_hands(stream);
}

static void stream_ready(struct watch *watch, uint32_t events)
{
    struct stream *stream = (struct stream *)watch;
    unsigned generation = stream->generation;

    if (stream->state == STREAM_CONNECTING) {
        connected(stream);
        return;
    }
    if (stream->state == STREAM_HANDSHAKE) {
        shake_hands(stream);
        if (stream->state != STREAM_OPEN || !stream->ssl || !SSL_has_pending(stream->ssl))
            return;
    }
    if (events & EPOLLOUT)
        pump_out(stream);
    if (stream->generation == generation && stream->state == STREAM_OPEN && events & ~(uint32_t)EPOLLOUT)
        pump_in(stream);
}

static void start(struct stream *stream, const struct stream_events *events, int fd, SSL *ssl)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    stream->watch = (struct watch){.fd = fd, .ready = stream_ready};
    stream->events = events;
    stream->ssl = ssl;
    stream->generation++;
    stream->hungry = false;
    stream->unsent_bytes = 0;
    if (ssl)
        SSL_set_fd(ssl, fd);
}

void stream_connect(struct stream *stream, const struct stream_events *events, uint32_t source, unsigned port, SSL *ssl)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        die("socket");
    /* The kernel picks the port at connect(): thousands of connections from one address do not exhaust the range. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (source && bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        die("bind");
    start(stream, events, fd, ssl);
    stream->state = STREAM_CONNECTING;
    if (ssl)
        SSL_set_connect_state(ssl);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        die("connect");
    loop_watch(&stream->watch, EPOLLOUT);
}

void stream_accept(struct stream *stream, const struct stream_events *events, int fd, SSL *ssl)
{
    start(stream, events, fd, ssl);
    if (!ssl) {
        open_now(stream);
        return;
    }
    stream->state = STREAM_HANDSHAKE;
    SSL_set_accept_state(ssl);
    loop_watch(&stream->watch, EPOLLIN);
}

void stream_send(struct stream *stream, const void *data, size_t n)
{
    long sent = 0;

    if (stream->state != STREAM_OPEN)
        return;
    if (!stream->unsent_bytes)
        sent = write_some(stream, data, n);
    if (sent < 0 || (size_t)sent == n)
        return;
    n -= (size_t)sent;
    stream->unsent = realloc(stream->unsent, stream->unsent_bytes + n);
    if (!stream->unsent)
        die("realloc");
    memcpy(stream->unsent + stream->unsent_bytes, (const char *)data + sent, n);
    stream->unsent_bytes += n;
    await(stream);
}

void stream_printf(struct stream *stream, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof text) {
        errno = EMSGSIZE;
        die("stream_printf");
    }
    stream_send(stream, text, (size_t)n);
}

size_t stream_send_some(struct stream *stream, const void *data, size_t n)
{
    long sent = stream->unsent_bytes ? 0 : write_some(stream, data, n);

    if (sent > 0)
        return (size_t)sent;
    if (sent == 0)
        stream_want_writable(stream);
    return 0;
}

void stream_want_writable(struct stream *stream)
{
    stream->hungry = true;
    await(stream);
}

void stream_close(struct stream *stream)
{
    if (stream->state == STREAM_CLOSED)
        return;
    loop_forget(&stream->watch);
    if (stream->ssl) {
        if (stream->state == STREAM_OPEN)
            SSL_shutdown(stream->ssl);
        ERR_clear_error();
        SSL_free(stream->ssl);
    }
    close(stream->watch.fd);
    free(stream->unsent);
    stream->unsent = NULL;
    stream->unsent_bytes = 0;
    stream->ssl = NULL;
    stream->watch.fd = -1;
    stream->state = STREAM_CLOSED;
}

SSL_CTX *tls_context(const SSL_METHOD *method, size_t read_ahead_bytes)
{
    SSL_CTX *context = SSL_CTX_new(method);

    if (!context) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (read_ahead_bytes) {
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, read_ahead_bytes);
    }
    return context;
}
