/* A new configuration for a daemon that runs. It is read and compared as a whole first: one fault, or one thing that
 * the state forbids, and nothing of it is applied. What is right is applied as a whole: all parts end in an orderly way
 * and begin anew with it, in the same process, so that every key applies, certificates and passwords are read again,
 * and nothing is counted twice or lost that a restart would not lose. Where the new parts cannot be opened, the former
 * ones are. */
#include <inttypes.h>
#include <string.h>

#include "transform/daemon/identity.h"
#include "transform/daemon/internal.h"

static void log_lines(enum rs_log_level level, const struct rs_buf *text)
{
    if (text->size > 0) {
        rs_log_text(level, (const char *)text->data, text->size);
    }
}

static void note(struct rs_daemon *daemon, bool refused)
{
    struct rs_daemon_reload *reload = &daemon->reload;

    reload->last_refused = refused;
    reload->last_us = rs_clock_wall(daemon->clock);
    reload->applied += !refused;
    reload->refused += refused;
}

/* The port of the pages is the one thing that another program may have; seen now, nothing has to be ended for it. */
static int try_listen(const struct rs_daemon *daemon, const struct rs_settings *fresh, struct rs_error *error)
{
    const char *now = daemon->settings->http_listen;

    if (!fresh->http_listen || (now && strcmp(strrchr(now, ':'), strrchr(fresh->http_listen, ':')) == 0)) {
        return 0; /* our own port is taken by ourselves */
    }
    return rs_http_listen_try(fresh->http_listen, error);
}

/* What is wrong is in the lines, or in *error. */
static int judge(struct rs_daemon *daemon, struct rs_error *error)
{
    struct rs_daemon_reload *reload = &daemon->reload;
    size_t refused = 0;
    int rc = rs_settings_load(daemon->options->path, RS_DAEMON_RUN, &reload->fresh, &reload->lines, error);

    if (rc != 0) {
        return rc;
    }
    log_lines(RS_LOG_WARNING, &reload->lines);
    rs_buf_reset(&reload->lines);
    rc = rs_settings_compare(daemon->settings, &reload->fresh, &reload->lines, &refused, error);
    if (rc == 0 && refused > 0) {
        rc = rs_fail(error, RS_ECONFIG, "%s: %zu %s not possible while it runs", daemon->options->path,
                     refused, refused == 1 ? "change is" : "changes are");
    }
    return rc == 0 ? try_listen(daemon, &reload->fresh, error) : rc;
}

static void forget_fresh(struct rs_daemon_reload *reload)
{
    rs_settings_fini(&reload->fresh);
    memset(&reload->fresh, 0, sizeof reload->fresh);
}

bool rs_daemon_reload(struct rs_daemon *daemon)
{
    struct rs_daemon_reload *reload = &daemon->reload;
    struct rs_error error = {0};

    rs_notify_state(&daemon->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, rs_clock_mono(daemon->clock));
    rs_buf_reset(&reload->lines);
    if (judge(daemon, &error) == 0) {
        rs_log(RS_LOG_INFO, "%s is right: everything begins anew with it", daemon->options->path);
        reload->under_way = true;
        return true;
    }
    log_lines(RS_LOG_ERROR, &reload->lines);
    rs_log(RS_LOG_ERROR, "%s; the running configuration stays as it is", error.text);
    rs_buf_printf(&reload->lines, "%s\n", error.text);
    forget_fresh(reload);
    note(daemon, true);
    rs_notify_state(&daemon->notify, "READY=1");
    return false;
}

void rs_daemon_reload_swap(struct rs_daemon *daemon, struct rs_settings *settings)
{
    struct rs_daemon_reload *reload = &daemon->reload;

    reload->under_way = false;
    reload->former = *settings;
    *settings = reload->fresh;
    memset(&reload->fresh, 0, sizeof reload->fresh);
}

void rs_daemon_reload_applied(struct rs_daemon *daemon)
{
    struct rs_daemon_reload *reload = &daemon->reload;

    if (reload->former.document) {
        rs_settings_fini(&reload->former);
        memset(&reload->former, 0, sizeof reload->former);
        note(daemon, false);
        rs_log(RS_LOG_INFO, "reloaded: %s is applied", daemon->options->path);
    }
}

void rs_daemon_reload_failed(struct rs_daemon *daemon, struct rs_settings *settings,
                             const struct rs_error *error)
{
    struct rs_daemon_reload *reload = &daemon->reload;

    rs_log(RS_LOG_ERROR, "%s; the former configuration is applied again", error->text);
    rs_buf_printf(&reload->lines, "%s\n", error->text);
    rs_settings_fini(settings);
    *settings = reload->former;
    memset(&reload->former, 0, sizeof reload->former);
    note(daemon, true);
}

void rs_daemon_reload_want(struct rs_daemon *daemon)
{
    if (daemon->stopping && !daemon->reload.under_way) {
        rs_log(RS_LOG_WARNING, "SIGHUP while stopping: passed by");
    } else if (daemon->reload.wanted_us == 0) {
        daemon->reload.wanted_us = rs_clock_mono(daemon->clock);
        daemon->reload.asked++;
    }
}

bool rs_daemon_reload_forget(struct rs_daemon *daemon)
{
    if (!daemon->reload.under_way) {
        return false;
    }
    daemon->reload.under_way = false;
    forget_fresh(&daemon->reload);
    rs_notify_state(&daemon->notify, "STOPPING=1");
    return true;
}
