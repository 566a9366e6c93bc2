/* A non-blocking connection, TLS or plain, driven by the loop. */
#ifndef STREAM_H
#define STREAM_H

#include "loop.h"

#include <openssl/ssl.h>
#include <stddef.h>

struct stream;

/* What a stream tells its owner. Each may close the stream. */
struct stream_events {
    void (*opened)(struct stream *stream);                                         /* connected, handshake done */
    void (*data)(struct stream *stream, const unsigned char *data, size_t n);      /* bytes; gone after the call */
    void (*writable)(struct stream *stream);                                       /* once after it was asked for */
    void (*closed)(struct stream *stream, const char *why);                        /* by the peer or by an error */
};

struct stream {
    struct watch watch; /* first: the loop hands it out */
    const struct stream_events *events;
    SSL *ssl;           /* NULL: plain */
    enum { STREAM_CLOSED, STREAM_CONNECTING, STREAM_HANDSHAKE, STREAM_OPEN } state;
    unsigned generation; /* counts openings: an owner may close and open again inside an event */
    bool hungry;        /* the owner waits for `writable` */
    char *unsent;       /* short messages that the socket did not take */
    size_t unsent_bytes;
};

/* Starts to connect to 127.0.0.1:`port` from `source` (host order; 0: any). `ssl` (or NULL) passes to the stream. */
void stream_connect(struct stream *stream, const struct stream_events *events, uint32_t source, unsigned port, SSL *ssl);

/* Takes over an accepted socket. `ssl` (or NULL) passes to the stream. */
void stream_accept(struct stream *stream, const struct stream_events *events, int fd, SSL *ssl);

/* Sends a short message; what the socket does not take now goes out later, in order. */
void stream_send(struct stream *stream, const void *data, size_t n);

/* Formats and sends a short message of at most 4 KiB. */
void stream_printf(struct stream *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sends as much of `data` as the socket takes, one TLS record at most, and returns how much; 0: `writable` will come.
 * After 0 the next call must bring the same bytes. Must not be mixed with an unsent stream_send. */
size_t stream_send_some(struct stream *stream, const void *data, size_t n);

/* Asks for one `writable` although the last stream_send_some was taken whole: the owner has used up its turn. */
void stream_want_writable(struct stream *stream);

/* Sends close_notify and closes. `closed` is not called. */
void stream_close(struct stream *stream);

/* Makes a context for TLS 1.3 with what both sides of the bench share; `read_ahead_bytes`: how much one read may fetch. */
SSL_CTX *tls_context(const SSL_METHOD *method, size_t read_ahead_bytes);

#endif
