#include "dialogue.h"

#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct account account_of(unsigned user, unsigned tenants)
{
    struct account account;

    snprintf(account.address, sizeof account.address, "u%06u@t%03u.bench.test", user, user % tenants);
    snprintf(account.password, sizeof account.password, "pw-u%06u", user);
    return account;
}

static void auth_plain(const struct account *account, char *out, size_t room)
{
    char clear[128], encoded[192];
    int n = snprintf(clear, sizeof clear, "%c%s%c%s", 0, account->address, 0, account->password);

    base64_encode(clear, (size_t)n, encoded);
    snprintf(out, room, "AUTH PLAIN %s\r\n", encoded);
}

bool login_line(enum protocol protocol, unsigned step, const struct account *account, char *out, size_t room)
{
    out[0] = '\0';
    if (step == 0)
        return true;
    if (protocol == IMAP && step == 1)
        snprintf(out, room, "a LOGIN \"%s\" \"%s\"\r\n", account->address, account->password);
    else if (protocol == POP3 && step == 1)
        snprintf(out, room, "USER %s\r\n", account->address);
    else if (protocol == POP3 && step == 2)
        snprintf(out, room, "PASS %s\r\n", account->password);
    else if (protocol == SMTP && step == 1)
        snprintf(out, room, "EHLO client.bench.test\r\n");
    else if (protocol == SMTP && step == 2)
        auth_plain(account, out, room);
    return out[0] != '\0';
}

const char *farewell(enum protocol protocol)
{
    return protocol == IMAP ? "a LOGOUT\r\n" : "QUIT\r\n";
}

static enum reply judge_imap(bool greeting, const char *line)
{
    const char *mark = greeting ? "* " : "a ";

    if (!starts(line, mark))
        return REPLY_MORE;
    return starts(line + 2, "OK") ? REPLY_OK : REPLY_REFUSED;
}

static enum reply judge_smtp(const char *line)
{
    if (strlen(line) < 3 || !isdigit((unsigned char)line[0]))
        return REPLY_REFUSED;
    if (line[3] == '-')
        return REPLY_MORE;
    return line[0] == '2' || line[0] == '3' ? REPLY_OK : REPLY_REFUSED;
}

enum reply judge(enum protocol protocol, bool greeting, const char *line)
{
    if (protocol == IMAP)
        return judge_imap(greeting, line);
    if (protocol == SMTP)
        return judge_smtp(line);
    return starts(line, "+OK") ? REPLY_OK : REPLY_REFUSED;
}
