/* SMTP as Gmail speaks it; every byte of a message is compared with the pattern. */
#include "accounts.h"
#include "pattern.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define ID "46e09a7af769-73a284fe709sm1722339a34.31 - gsmtp"

static void greet(struct peer *peer)
{
    stream_printf(&peer->stream, "220 smtp.gmail.com ESMTP " ID "\r\n");
}

static void answer_login(struct peer *peer, bool accepted)
{
    if (accepted)
        stream_printf(&peer->stream, "235 2.7.0 Accepted\r\n");
    else
        stream_printf(&peer->stream, "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
                                     "535 5.7.8  https://support.google.com/mail/?p=BadCredentials " ID "\r\n");
}

static void auth(struct peer *peer, char *rest)
{
    char *initial = strchr(rest, ' ');

    if (initial) {
        *initial++ = '\0';
        answer_login(peer, account_sasl(peer, rest, initial));
        return;
    }
    snprintf(peer->user, sizeof peer->user, "%s", rest); /* the mechanism, until the response names the user */
    peer->awaits_initial = true;
    stream_printf(&peer->stream, "334 \r\n");
}

/* Answers a whole message. */
static void taken(struct peer *peer)
{
    peer->in_data = false;
    stream_printf(&peer->stream, "250 2.0.0 OK verified %llu bytes " ID "\r\n", (unsigned long long)peer->offset);
}

static size_t differs(struct peer *peer, size_t n)
{
    counters.mismatches++;
    stream_printf(&peer->stream, "554 5.6.0 byte %llu differs " ID "\r\n", (unsigned long long)peer->offset);
    peer_close(peer);
    return n;
}

/* Takes a message's bytes: the pattern, then ".CRLF" at the start of a line. */
static size_t bytes(struct peer *peer, const unsigned char *data, size_t n)
{
    static const char end[] = ".\r\n";
    size_t good = 0;

    if (!peer->in_data)
        return 0;
    if (!peer->dot) {
        good = pattern_match(peer->offset, data, n);
        peer->offset += good;
        counters.bytes_verified += good;
    }
    while (good < n && peer->dot < 3) {
        if (peer->offset % PATTERN_LINE || data[good] != (unsigned char)end[peer->dot])
            return differs(peer, n);
        good++;
        peer->dot++;
    }
    if (peer->dot == 3)
        taken(peer);
    return good;
}

static void mail(struct peer *peer, const char *text)
{
    if (!peer->in) {
        stream_printf(&peer->stream, "530-5.7.0 Authentication Required. For more information, go to\r\n"
                                     "530 5.7.0  https://support.google.com/mail/?p=WantAuthError " ID "\r\n");
    } else if (starts(text, "MAIL")) {
        stream_printf(&peer->stream, "250 2.1.0 OK " ID "\r\n");
    } else if (starts(text, "RCPT")) {
        stream_printf(&peer->stream, "250 2.1.5 OK " ID "\r\n");
    } else {
        peer->in_data = true;
        peer->dot = 0;
        peer->offset = 0;
        stream_printf(&peer->stream, "354 Go ahead " ID "\r\n");
    }
}

static void line(struct peer *peer, char *text)
{
    if (peer->awaits_initial) {
        char mechanism[NAME_BYTES];

        peer->awaits_initial = false;
        strcpy(mechanism, peer->user);
        answer_login(peer, account_sasl(peer, mechanism, text));
    } else if (starts(text, "EHLO")) {
        stream_printf(&peer->stream, "250-smtp.gmail.com at your service, [127.0.0.1]\r\n250-SIZE 35882577\r\n250-8BITMIME\r\n"
                                     "250-AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH\r\n"
                                     "250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n");
    } else if (starts(text, "AUTH ")) {
        auth(peer, text + 5);
    } else if (starts(text, "MAIL") || starts(text, "RCPT") || starts(text, "DATA")) {
        mail(peer, text);
    } else if (starts(text, "NOOP") || starts(text, "RSET")) {
        stream_printf(&peer->stream, "250 2.0.0 OK " ID "\r\n");
    } else if (starts(text, "QUIT")) {
        stream_printf(&peer->stream, "221 2.0.0 closing connection " ID "\r\n");
        peer_close(peer);
    } else {
        stream_printf(&peer->stream, "502 5.5.1 Unrecognized command. " ID "\r\n");
    }
}

const struct protocol_server smtp_server = {.name = "smtp", .greet = greet, .line = line, .bytes = bytes};
