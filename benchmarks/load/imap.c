/* IMAP as Gmail speaks it, as far as a proxy and this bench need it. Message number n is of n MiB. */
#include "accounts.h"
#include "pattern.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_IN_A_TURN 4 /* of a bulk message, then the other sessions have their turn */

static const char before[] = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 "
                             "AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER";
static const char after[] = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE "
                            "MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584";

static void greet(struct peer *peer)
{
    stream_printf(&peer->stream, "* OK Gimap ready for requests from 127.0.0.1 d2e1a72fcca58-82a1004806amb45731469b3a\r\n");
}

static void answer_login(struct peer *peer, bool accepted)
{
    /* The plaintext listener is for nginx alone, which takes no untagged line in answer to a login. */
    if (accepted && !peer->stream.ssl)
        stream_printf(&peer->stream, "%s OK [CAPABILITY %s] %s authenticated (Success)\r\n", peer->tag, after, peer->user);
    else if (accepted)
        stream_printf(&peer->stream, "* CAPABILITY %s\r\n%s OK %s authenticated (Success)\r\n", after, peer->tag, peer->user);
    else
        stream_printf(&peer->stream, "%s NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n", peer->tag);
}

/* Cuts the next argument, an atom or a quoted string, off *rest. */
static char *argument(char **rest)
{
    char *start = *rest + strspn(*rest, " "), *end;

    if (*start != '"') {
        end = start + strcspn(start, " ");
    } else {
        char *out = ++start;

        for (end = start; *end && *end != '"'; end++) {
            if (*end == '\\' && end[1])
                end++;
            *out++ = *end;
        }
        if (out != end)
            *out = '\0';
    }
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return start;
}

static void authenticate(struct peer *peer, char *rest)
{
    char *mechanism = argument(&rest), *initial = argument(&rest);

    snprintf(peer->user, sizeof peer->user, "%s", mechanism); /* until the response names the user */
    peer->awaits_initial = !*initial;
    if (*initial)
        answer_login(peer, account_sasl(peer, mechanism, initial));
    else
        stream_printf(&peer->stream, "+ \r\n");
}

static void pour(struct peer *peer)
{
    for (unsigned i = 0; peer->offset < peer->length; i++) {
        uint64_t left = peer->length - peer->offset;
        size_t want = left < record_bytes ? (size_t)left : record_bytes, sent;

        if (i == RECORDS_IN_A_TURN) {
            stream_want_writable(&peer->stream);
            return;
        }
        sent = stream_send_some(&peer->stream, pattern_at(peer->offset), want);
        if (!sent)
            return;
        peer->offset += sent;
        counters.bytes_served += sent;
    }
    stream_printf(&peer->stream, ")\r\n%s OK Success\r\n", peer->tag);
}

static void fetch(struct peer *peer, char *rest)
{
    unsigned mib = (unsigned)strtoul(argument(&rest), NULL, 10);

    peer->offset = 0;
    peer->length = pattern_message_bytes(mib);
    stream_printf(&peer->stream, "* %u FETCH (BODY[] {%llu}\r\n", mib, (unsigned long long)peer->length);
    pour(peer);
}

static void before_login(struct peer *peer, const char *verb, char *rest)
{
    if (starts(verb, "LOGIN")) {
        char *address = argument(&rest), *password = argument(&rest);

        answer_login(peer, account_login(peer, address, password));
    } else if (starts(verb, "AUTHENTICATE")) {
        authenticate(peer, rest);
    } else {
        stream_printf(&peer->stream, "%s BAD Unknown command\r\n", peer->tag);
    }
}

static void after_login(struct peer *peer, const char *verb, char *rest)
{
    if (starts(verb, "FETCH")) {
        fetch(peer, rest);
    } else if (starts(verb, "IDLE")) {
        peer->idling = true;
        stream_printf(&peer->stream, "+ idling\r\n");
    } else if (starts(verb, "SELECT")) {
        stream_printf(&peer->stream, "* 200 EXISTS\r\n* 0 RECENT\r\n%s OK [READ-WRITE] INBOX selected. (Success)\r\n", peer->tag);
    } else {
        stream_printf(&peer->stream, "%s BAD Unknown command\r\n", peer->tag);
    }
}

static void command(struct peer *peer, char *text)
{
    char *verb;

    snprintf(peer->tag, sizeof peer->tag, "%s", argument(&text));
    verb = argument(&text);
    if (starts(verb, "NOOP")) {
        stream_printf(&peer->stream, "%s OK Success\r\n", peer->tag);
    } else if (starts(verb, "CAPABILITY")) {
        stream_printf(&peer->stream, "* CAPABILITY %s\r\n%s OK Thats all she wrote!\r\n", peer->in ? after : before, peer->tag);
    } else if (starts(verb, "ID") && strlen(verb) == 2) {
        stream_printf(&peer->stream, "* ID (\"name\" \"GImap\" \"vendor\" \"Google, Inc.\")\r\n%s OK Success\r\n", peer->tag);
    } else if (starts(verb, "LOGOUT")) {
        stream_printf(&peer->stream, "* BYE LOGOUT Requested\r\n%s OK 73 good day (Success)\r\n", peer->tag);
        peer_close(peer);
    } else if (peer->in) {
        after_login(peer, verb, text);
    } else {
        before_login(peer, verb, text);
    }
}

/* Returns the size that a line announces as its literal, 0 for none. */
static size_t announced(const char *text)
{
    const char *brace = strrchr(text, '{');
    char *end;
    size_t n;

    if (!brace || !isdigit((unsigned char)brace[1]))
        return 0;
    n = strtoul(brace + 1, &end, 10);
    return strcmp(end, "}") == 0 || strcmp(end, "+}") == 0 ? n : 0;
}

static void append(struct peer *peer, const char *text, size_t n)
{
    if (!peer->command && !(peer->command = calloc(1, COMMAND_BYTES)))
        die("calloc");
    if (peer->command_bytes + n >= COMMAND_BYTES) {
        peer_close(peer);
        return;
    }
    memcpy(peer->command + peer->command_bytes, text, n);
    peer->command_bytes += n;
    peer->command[peer->command_bytes] = '\0';
}

/* Keeps the line up to the announcement, and the literal to come as a quoted string: names here need no quoting. */
static void begin_literal(struct peer *peer, const char *text, size_t n)
{
    append(peer, text, (size_t)(strrchr(text, '{') - text));
    append(peer, "\"", 1);
    peer->literal_bytes = n;
    if (text[strlen(text) - 2] != '+')
        stream_printf(&peer->stream, "+ go ahead\r\n");
}

static size_t bytes(struct peer *peer, const unsigned char *data, size_t n)
{
    size_t take = n < peer->literal_bytes ? n : peer->literal_bytes;

    if (!take)
        return 0;
    append(peer, (const char *)data, take);
    peer->literal_bytes -= take;
    if (!peer->literal_bytes)
        append(peer, "\"", 1);
    return take;
}

static void line(struct peer *peer, char *text)
{
    size_t literal = announced(text);

    if (peer->awaits_initial) {
        char mechanism[NAME_BYTES];

        peer->awaits_initial = false;
        strcpy(mechanism, peer->user);
        answer_login(peer, account_sasl(peer, mechanism, text));
    } else if (peer->idling) {
        peer->idling = false;
        stream_printf(&peer->stream, "%s OK IDLE terminated (Success)\r\n", peer->tag);
    } else if (literal) {
        begin_literal(peer, text, literal);
    } else if (peer->command_bytes) {
        append(peer, text, strlen(text));
        peer->command_bytes = 0;
        command(peer, peer->command);
    } else {
        command(peer, text);
    }
}

const struct protocol_server imap_server = {.name = "imap", .greet = greet, .line = line, .bytes = bytes, .writable = pour};
