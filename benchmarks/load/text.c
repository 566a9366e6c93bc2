#include "text.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

bool starts(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

void base64_encode(const void *data, size_t n, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, data, (int)n);
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

long base64_decode(const char *text, char *out, size_t room)
{
    unsigned bits = 0, have = 0;
    size_t n = 0;

    for (; *text && *text != '='; text++) {
        int value = digit(*text);

        if (value < 0)
            return -1;
        bits = bits << 6 | (unsigned)value;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (n + 1 >= room)
            return -1;
        out[n++] = (char)(bits >> have & 255);
    }
    out[n] = '\0';
    return (long)n;
}
