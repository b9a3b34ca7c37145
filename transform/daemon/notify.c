/* What systemd is told. sd_notify waits when the manager does not read, and with it health pages and signals
 * would; here a message that does not fit goes when there is room, and a status line that was overtaken
 * never. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "transform/daemon/internal.h"

/* "/path" or "@abstract", as sd_notify(3) says; others are for virtual machines. */
static bool address_of(const char *name, struct sockaddr_un *out, socklen_t *size)
{
    size_t length = !name ? 0 : strlen(name);

    if (length < 2 || length >= sizeof out->sun_path || (name[0] != '/' && name[0] != '@')) {
        return false;
    }
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, name, length);
    if (name[0] == '@') {
        out->sun_path[0] = '\0';
    }
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

/* Returns false where it has to be sent again. */
static bool send_text(const char *text)
{
    struct sockaddr_un address;
    socklen_t size = 0;

    if (!address_of(secure_getenv("NOTIFY_SOCKET"), &address, &size)) {
        return true; /* not started by systemd */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    ssize_t sent =
        sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    bool again = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS);
    (void)close(fd);
    return !again;
}

void rs_notify_turn(struct rs_notify *notify)
{
    while (notify->count > 0 && send_text(notify->owed[0])) {
        notify->count--;
        memmove(notify->owed[0], notify->owed[1], notify->count * sizeof notify->owed[0]);
    }
}

void rs_notify_state(struct rs_notify *notify, const char *format, ...)
{
    va_list args;

    if (notify->count == RS_NOTIFY_OWED) { /* reloads by the dozen while nobody reads: the newest count */
        notify->count--;
        memmove(notify->owed[0], notify->owed[1], notify->count * sizeof notify->owed[0]);
    }
    va_start(args, format);
    (void)vsnprintf(notify->owed[notify->count++], sizeof notify->owed[0], format, args);
    va_end(args);
    rs_notify_turn(notify);
}

void rs_notify_passing(struct rs_notify *notify, const char *format, ...)
{
    char text[1024];
    va_list args;

    rs_notify_turn(notify);
    if (notify->count == 0) { /* not before what is owed */
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)send_text(text);
    }
}
