/* The upstream that all peers share: IMAP, POP3 and SMTP as Gmail speaks them, a token endpoint and counters, one thread.
 *
 *   upstream --cert chain.pem --key key.pem imap:tls imap:tls-no-tickets imap:plain smtp:tls http:plain
 *
 * Each argument opens a listener on a free port of 127.0.0.1. The ports are printed as one line of JSON. */
#include "accounts.h"
#include "pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
#define LISTENERS 16
#define UPLOAD_READ_AHEAD (64 << 10)

struct listener {
    struct watch watch; /* first */
    const struct protocol_server *server;
    SSL_CTX *context;   /* NULL: plain */
};

struct counters counters;
unsigned record_bytes = 16384;

static struct listener listeners[LISTENERS];
static struct peer *dead; /* freed between turns: an event may still be at work on them */

static void bury(struct peer *peer)
{
    peer->next_dead = dead;
    dead = peer;
}

void peer_close(struct peer *peer)
{
    if (peer->stream.state == STREAM_CLOSED)
        return;
    stream_close(&peer->stream);
    bury(peer);
}

static void free_dead(void)
{
    while (dead) {
        struct peer *peer = dead;

        dead = peer->next_dead;
        lines_reset(&peer->lines);
        free(peer->command);
        free(peer);
    }
}

static void opened(struct stream *stream)
{
    struct peer *peer = (struct peer *)stream;

    counters.connections++;
    if (stream->ssl && SSL_session_reused(stream->ssl))
        counters.resumed_handshakes++;
    else if (stream->ssl)
        counters.full_handshakes++;
    peer->server->greet(peer);
}

static void data(struct stream *stream, const unsigned char *bytes, size_t n)
{
    struct peer *peer = (struct peer *)stream;

    while (n && stream->state == STREAM_OPEN) {
        size_t taken = peer->server->bytes ? peer->server->bytes(peer, bytes, n) : 0;
        char *line;

        bytes += taken;
        n -= taken;
        if (!taken && (line = lines_next(&peer->lines, &bytes, &n)))
            peer->server->line(peer, line);
    }
}

static void writable(struct stream *stream)
{
    struct peer *peer = (struct peer *)stream;

    peer->server->writable(peer);
}

static void closed(struct stream *stream, const char *why)
{
    (void)why;
    bury((struct peer *)stream);
}

static const struct stream_events events = {.opened = opened, .data = data, .writable = writable, .closed = closed};

static void accept_all(struct watch *watch, uint32_t ready)
{
    struct listener *listener = (struct listener *)watch;
    int fd;

    (void)ready;
    while ((fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer *peer = calloc(1, sizeof *peer);

        if (!peer)
            die("calloc");
        peer->server = listener->server;
        stream_accept(&peer->stream, &events, fd, listener->context ? SSL_new(listener->context) : NULL);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        die("accept4");
}

static SSL_CTX *server_context(const char *certificate, const char *key, bool tickets)
{
    SSL_CTX *context = tls_context(TLS_server_method(), UPLOAD_READ_AHEAD);

    if (!certificate || !key || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"bench", 5);
    if (!tickets) {
        SSL_CTX_set_num_tickets(context, 0);
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    return context;
}

static unsigned listen_free(struct listener *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("listen");
    listener->watch = (struct watch){.fd = fd, .ready = accept_all};
    loop_watch(&listener->watch, EPOLLIN);
    return ntohs(address.sin_port);
}

static const struct protocol_server *server_named(const char *name, size_t n)
{
    static const struct protocol_server *const all[] = {&imap_server, &pop3_server, &smtp_server, &http_server};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strlen(all[i]->name) == n && strncmp(all[i]->name, name, n) == 0)
            return all[i];
    return NULL;
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: upstream --cert FILE --key FILE [--record-bytes N] (imap|pop3|smtp|http):(tls|tls-no-tickets|plain)...\n");
    exit(2);
}

static void open_listeners(char **names, int count, SSL_CTX *tickets, SSL_CTX *no_tickets)
{
    if (count < 1 || count > LISTENERS)
        usage();
    printf("{");
    for (int i = 0; i < count; i++) {
        const char *colon = strchr(names[i], ':'), *kind = colon ? colon + 1 : "";
        struct listener *listener = &listeners[i];

        listener->server = colon ? server_named(names[i], (size_t)(colon - names[i])) : NULL;
        if (!listener->server || (strcmp(kind, "tls") != 0 && strcmp(kind, "tls-no-tickets") != 0 && strcmp(kind, "plain") != 0))
            usage();
        listener->context = strcmp(kind, "tls") == 0 ? tickets : strcmp(kind, "plain") == 0 ? NULL : no_tickets;
        printf("%s\"%s\": %u", i ? ", " : "", names[i], listen_free(listener));
    }
    printf("}\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"cert", required_argument, NULL, 'c'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"record-bytes", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    const char *certificate = NULL, *key = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'c')
            certificate = optarg;
        else if (option == 'k')
            key = optarg;
        else if (option == 'r')
            record_bytes = (unsigned)strtoul(optarg, NULL, 10);
        else
            usage();
    }
    if (!record_bytes || record_bytes > 16384)
        usage();
    signal(SIGPIPE, SIG_IGN);
    pattern_init();
    loop_init();
    open_listeners(argv + optind, argc - optind, server_context(certificate, key, true), server_context(certificate, key, false));
    for (;;) {
        loop_turn(NEVER_NS);
        free_dead();
    }
}
