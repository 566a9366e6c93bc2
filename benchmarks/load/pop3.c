/* POP3 as Gmail speaks it, as far as a login needs it. */
#include "accounts.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static void greet(struct peer *peer)
{
    stream_printf(&peer->stream, "+OK Gpop ready for requests from 127.0.0.1 a1b2c3d4e5\r\n");
}

static void answer_login(struct peer *peer, bool accepted)
{
    stream_printf(&peer->stream, accepted ? "+OK Welcome.\r\n" : "-ERR [AUTH] Username and password not accepted.\r\n");
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
    stream_printf(&peer->stream, "+ \r\n");
}

static void transaction(struct peer *peer, const char *text)
{
    if (starts(text, "STAT"))
        stream_printf(&peer->stream, "+OK 0 0\r\n");
    else if (starts(text, "NOOP"))
        stream_printf(&peer->stream, "+OK\r\n");
    else
        stream_printf(&peer->stream, "-ERR Not supported\r\n");
}

static void line(struct peer *peer, char *text)
{
    if (peer->awaits_initial) {
        char mechanism[NAME_BYTES];

        peer->awaits_initial = false;
        strcpy(mechanism, peer->user);
        answer_login(peer, account_sasl(peer, mechanism, text));
    } else if (starts(text, "QUIT")) {
        stream_printf(&peer->stream, "+OK Farewell.\r\n");
        peer_close(peer);
    } else if (starts(text, "CAPA")) {
        stream_printf(&peer->stream, "+OK Capability list follows\r\nUSER\r\nRESP-CODES\r\nEXPIRE 0\r\nLOGIN-DELAY 300\r\nTOP\r\nUIDL\r\n"
                                     "X-GOOGLE-RICO\r\nSASL PLAIN XOAUTH2 OAUTHBEARER\r\n.\r\n");
    } else if (peer->in) {
        transaction(peer, text);
    } else if (starts(text, "USER ")) {
        snprintf(peer->user, sizeof peer->user, "%s", text + 5);
        stream_printf(&peer->stream, "+OK send PASS\r\n");
    } else if (starts(text, "PASS ")) {
        answer_login(peer, account_login(peer, peer->user, text + 5));
    } else if (starts(text, "AUTH ")) {
        auth(peer, text + 5);
    } else {
        stream_printf(&peer->stream, "-ERR bad command\r\n");
    }
}

const struct protocol_server pop3_server = {.name = "pop3", .greet = greet, .line = line};
