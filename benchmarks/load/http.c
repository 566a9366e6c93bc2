/* A token endpoint (POST, any path) and the counters (GET /stats): HTTP/1.1 with keep-alive, as far as token clients need it. */
#include "accounts.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void greet(struct peer *peer)
{
    (void)peer;
}

static void answer(struct peer *peer, const char *body)
{
    stream_printf(&peer->stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
                  body);
}

static void stats(struct peer *peer)
{
    char body[1024];

    snprintf(body, sizeof body,
             "{\"cpu_s\": %.6f, \"connections\": %llu, \"full_handshakes\": %llu, \"resumed_handshakes\": %llu, "
             "\"logins_password\": %llu, \"logins_token\": %llu, \"refused\": %llu, \"tokens\": %llu, "
             "\"bytes_served\": %llu, \"bytes_verified\": %llu, \"mismatches\": %llu}",
             cpu_s(), (unsigned long long)counters.connections, (unsigned long long)counters.full_handshakes,
             (unsigned long long)counters.resumed_handshakes, (unsigned long long)counters.logins_password,
             (unsigned long long)counters.logins_token, (unsigned long long)counters.refused, (unsigned long long)counters.tokens,
             (unsigned long long)counters.bytes_served, (unsigned long long)counters.bytes_verified,
             (unsigned long long)counters.mismatches);
    answer(peer, body);
}

/* Reads the user of a JWT grant out of its claims: "sub"; "any" when the request holds none. */
static void subject(const char *form, char *out, size_t room)
{
    char claims[LINE_BYTES], part[LINE_BYTES];
    const char *assertion = strstr(form, "assertion="), *dot = assertion ? strchr(assertion, '.') : NULL, *sub;

    snprintf(out, room, "any");
    if (!dot)
        return;
    snprintf(part, sizeof part, "%.*s", (int)strcspn(dot + 1, ".&"), dot + 1);
    if (base64_decode(part, claims, sizeof claims) < 0)
        return;
    sub = strstr(claims, "\"sub\"");
    if (sub && (sub = strchr(sub + 5, '"')))
        snprintf(out, room, "%.*s", (int)strcspn(sub + 1, "\""), sub + 1);
}

static void token(struct peer *peer)
{
    char name[NAME_BYTES], access[NAME_BYTES + 32], body[NAME_BYTES + 128];

    subject(peer->command ? peer->command : "", name, sizeof name);
    token_for(name, access, sizeof access);
    snprintf(body, sizeof body, "{\"access_token\": \"%s\", \"expires_in\": 3599, \"token_type\": \"Bearer\"}", access);
    counters.tokens++;
    answer(peer, body);
}

/* Acts on a whole request. */
static void respond(struct peer *peer)
{
    bool get = strcmp(peer->tag, "GET") == 0;

    peer->command_bytes = 0;
    peer->tag[0] = '\0';
    if (get)
        stats(peer);
    else
        token(peer);
}

static size_t bytes(struct peer *peer, const unsigned char *data, size_t n)
{
    size_t take = n < peer->literal_bytes ? n : peer->literal_bytes;

    if (!take)
        return 0;
    memcpy(peer->command + peer->command_bytes, data, take);
    peer->command_bytes += take;
    peer->command[peer->command_bytes] = '\0';
    peer->literal_bytes -= take;
    if (!peer->literal_bytes)
        respond(peer);
    return take;
}

/* The request line's method is kept as the tag, the body's length as the literal to come. */
static void line(struct peer *peer, char *text)
{
    if (!peer->tag[0]) {
        snprintf(peer->tag, sizeof peer->tag, "%.*s", (int)strcspn(text, " "), text);
        peer->length = 0;
    } else if (starts(text, "Content-Length:")) {
        peer->length = strtoull(text + strlen("Content-Length:"), NULL, 10);
    } else if (!text[0] && peer->length >= COMMAND_BYTES) {
        peer_close(peer);
    } else if (!text[0]) {
        if (!peer->command && !(peer->command = calloc(1, COMMAND_BYTES)))
            die("calloc");
        peer->command[0] = '\0';
        peer->literal_bytes = peer->length;
        if (!peer->length)
            respond(peer);
    }
}

const struct protocol_server http_server = {.name = "http", .greet = greet, .line = line, .bytes = bytes};
