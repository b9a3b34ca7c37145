#include "sink/top/screen.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "sink/top/lines.h"
#include "sink/top/text.h"

#define FRESH_US     INT64_C(1000000)  /* a changed row is bold for so long */
#define RELOAD_US    INT64_C(10000000) /* updates may have been missed, groups dropped */
#define RETRY_MIN_US INT64_C(500000)
#define RETRY_MAX_US INT64_C(5000000)
#define FILTER_MAX   128
#define SILENT_MAX   8    /* a signal may come between poll() and the key; not so often */
#define WIDE_MAX     2048 /* characters of a line */
#define ESCAPE       27

struct screen {
    const struct rs_top_view *view;
    size_t active; /* table */
    size_t top;    /* first row on screen */
    size_t skip;   /* columns after the group's that are scrolled away */
    int sorted;    /* column of the active table; -1: by key */
    bool descending, paused, editing, quit;
    bool follow_sort; /* the column to sort by was chosen: scroll to it */
    int silent;       /* times in a row that the terminal had input but no key */
    char filter[FILTER_MAX];
    char message[256]; /* what is wrong; empty: connected */
    bool connected;
    int64_t refresh_us, reload_us, retry_us, retry_pause_us;
    struct rs_top_layout layout;
    struct rs_buf line, cut;
    wchar_t wide[WIDE_MAX];
};

/* ---- the terminal ---- */

static volatile sig_atomic_t ended;
static sigset_t end_signals;
static struct termios saved;
static char leave[128]; /* what leaves the alternate screen and shows the cursor */

static void on_end(int signal)
{
    ended = signal;
}

/* Only what is safe in a signal handler: endwin() is not. */
static void on_crash(int signal)
{
    ssize_t written = write(STDOUT_FILENO, leave, strlen(leave));
    (void)written;
    tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    raise(signal); /* SA_RESETHAND: ends the program as it would have */
}

static void catch_signals(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    struct sigaction end = {.sa_handler = on_end};
    struct sigaction crash = {.sa_handler = on_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    sigemptyset(&end_signals);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        sigaction(ends[i], &end, NULL);
        sigaddset(&end_signals, ends[i]); /* but in ppoll(): none is missed between the look and the wait */
    }
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        sigaction(crashes[i], &crash, NULL);
    }
    pthread_sigmask(SIG_BLOCK, &end_signals, NULL);
}

static void remember_terminal(void)
{
    const char *names[] = {"rmcup", "cnorm", "sgr0"};
    size_t used = 0;
    for (size_t i = 0; i < 3; i++) {
        const char *text = tigetstr(names[i]);
        size_t size = text && (intptr_t)text != -1 ? strlen(text) : 0;
        if (used + size < sizeof leave) {
            memcpy(leave + used, text ? text : "", size);
            used += size;
        }
    }
    leave[used] = '\0';
}

static SCREEN *open_terminal(bool colour)
{
    tcgetattr(STDIN_FILENO, &saved);
    catch_signals();
    SCREEN *terminal = newterm(NULL, stdout, stdin);
    if (!terminal) {
        return NULL;
    }
    remember_terminal();
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(50);
    curs_set(0);
    if (colour && has_colors()) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_RED, -1);
        init_pair(2, COLOR_GREEN, -1);
    }
    return terminal;
}

/* ---- data ---- */

static int64_t now_us(void)
{
    return rs_clock_mono(rs_clock_system());
}

static struct rs_top_table *active_table(const struct screen *s)
{
    return s->view->tables[s->active];
}

static void lose_connection(struct screen *s, const struct rs_error *error)
{
    s->connected = false;
    rs_top_source_close(s->view->source);
    s->retry_pause_us = s->retry_pause_us == 0 ? RETRY_MIN_US : 2 * s->retry_pause_us;
    s->retry_pause_us = s->retry_pause_us > RETRY_MAX_US ? RETRY_MAX_US : s->retry_pause_us;
    s->retry_us = now_us() + s->retry_pause_us;
    snprintf(s->message, sizeof s->message, "%.200s; trying again", error->text);
}

static int load_all(struct screen *s, struct rs_error *error)
{
    const struct rs_top_view *view = s->view;
    int code = 0;
    for (size_t i = 0; code == 0 && i < view->count; i++) {
        code = rs_top_source_load(view->source, view->tables[i], view->most, now_us(), error);
    }
    s->reload_us = now_us() + RELOAD_US;
    return code;
}

static void connect_again(struct screen *s)
{
    const struct rs_top_view *view = s->view;
    struct rs_error error = {0};
    int code = view->source->data ? 0 : rs_top_source_open(view->source, &error);
    if (code == 0) {
        code = rs_top_source_follow(view->source, view->tables, view->count, &error);
    }
    if (code == 0) { /* after the subscription, so that no change falls between the two */
        code = load_all(s, &error);
    }
    if (code != 0) {
        lose_connection(s, &error);
        return;
    }
    s->connected = true;
    s->message[0] = '\0';
    s->retry_pause_us = 0;
}

static void refresh_data(struct screen *s)
{
    struct rs_error error = {0};
    int code = 0;
    if (s->paused) {
        return;
    }
    if (!s->connected && now_us() >= s->retry_us) {
        connect_again(s);
    } else if (s->connected && now_us() >= s->reload_us) {
        code = load_all(s, &error);
    } else if (s->connected) {
        code = rs_top_source_refresh(s->view->source, active_table(s), now_us(), &error);
    }
    if (code != 0) {
        lose_connection(s, &error);
    }
}

static void arrange(struct screen *s)
{
    struct rs_error error = {0};
    if (rs_top_arrange(active_table(s), s->sorted, s->descending, s->filter, &error) != 0) {
        snprintf(s->message, sizeof s->message, "%.200s", error.text);
    }
}

static size_t shown_rows(const struct screen *s)
{
    size_t count = active_table(s)->shown_count;
    return count < s->view->limit ? count : s->view->limit;
}

/* ---- drawing ---- */

static void put_line(struct screen *s, int y, int attributes)
{
    if (y < 0 || y >= LINES) {
        return;
    }
    rs_buf_char(&s->line, '\0');
    rs_buf_reset(&s->cut);
    if (!s->line.failed) {
        rs_top_put(&s->cut, (const char *)s->line.data, COLS, false);
    }
    rs_buf_char(&s->cut, '\0');
    attrset(attributes);
    if (!s->cut.failed) {
        rs_top_wide((const char *)s->cut.data, s->wide, WIDE_MAX);
        mvaddwstr(y, 0, s->wide); /* mvaddstr() looks at the global locale */
    }
    attrset(A_NORMAL);
    rs_buf_reset(&s->line);
}

static void draw_title(struct screen *s)
{
    const struct rs_top_table *table = active_table(s);
    for (size_t i = 0; i < s->view->count; i++) {
        bool active = i == s->active;
        rs_buf_printf(&s->line, "%s%s%s ", active ? "[" : " ", s->view->tables[i]->name, active ? "]" : " ");
    }
    put_line(s, 0, A_BOLD);
    rs_buf_printf(&s->line, "%s  %zu groups", table->window, table->row_count);
    if (s->layout.to - s->layout.from < table->column_count - s->layout.fixed) {
        rs_buf_printf(&s->line, "  columns %zu-%zu of %zu", s->layout.from - s->layout.fixed + 1,
                      s->layout.to - s->layout.fixed, table->column_count - s->layout.fixed);
    }
    if (s->filter[0] || s->editing) {
        rs_buf_printf(&s->line, ", %zu with /%s%s", table->shown_count, s->filter, s->editing ? "_" : "/");
    }
    if (shown_rows(s) > 0) {
        rs_buf_printf(&s->line, "  rows from %zu", s->top + 1);
    }
    rs_buf_text(&s->line, s->paused ? "  PAUSED" : "");
    put_line(s, 1, A_NORMAL);
}

static void draw_footer(struct screen *s)
{
    if (s->message[0]) {
        rs_buf_text(&s->line, s->message);
        put_line(s, LINES - 1, A_BOLD | COLOR_PAIR(1));
        return;
    }
    rs_buf_text(&s->line,
                s->editing ? "type to filter, Enter keeps, Esc clears"
                           : "q quit  / filter  < > sort  r reverse  p pause  Tab next  Left/Right columns");
    put_line(s, LINES - 1, A_DIM);
}

static void draw_rows(struct screen *s, int y)
{
    const struct rs_top_table *table = active_table(s);
    size_t rows = shown_rows(s);
    int64_t now = now_us();
    for (size_t i = s->top; i < rows && y < LINES - 1; i++, y++) {
        const struct rs_top_row *row = table->shown[i];
        bool fresh = s->connected && now - row->changed_us < FRESH_US;
        rs_top_row(table, row, &s->layout, &s->line);
        put_line(s, y, fresh ? (int)(A_BOLD | COLOR_PAIR(2)) : (int)A_NORMAL);
    }
}

static void clamp_scroll(struct screen *s, int height)
{
    size_t rows = shown_rows(s);
    size_t page = height > 0 ? (size_t)height : 1;
    size_t last = rows > page ? rows - page : 0;
    s->top = s->top > last ? last : s->top;
}

/* Which columns fit beside the group's; false: out of memory. */
static bool lay_out(struct screen *s, int height)
{
    const struct rs_top_table *table = active_table(s);
    struct rs_top_layout *layout = &s->layout;
    free(layout->widths);
    *layout = (struct rs_top_layout){.screen = true};
    layout->widths = calloc(table->column_count + 1, sizeof *layout->widths);
    if (!layout->widths) {
        return false;
    }
    rs_top_measure(table, s->top, height > 0 ? (size_t)height : 0, layout);
    rs_top_fit(table, s->skip, COLS, layout);
    size_t sorted = s->follow_sort && s->sorted >= (int)layout->fixed ? (size_t)s->sorted : layout->from;
    if (sorted < layout->from) {
        rs_top_fit(table, sorted - layout->fixed, COLS, layout);
    }
    while (sorted >= layout->to) {
        rs_top_fit(table, layout->from - layout->fixed + 1, COLS, layout);
    }
    s->skip = layout->from - layout->fixed;
    s->follow_sort = false;
    return true;
}

static void draw(struct screen *s)
{
    const struct rs_top_table *table = active_table(s);
    int y = rs_top_has_units(table) ? 4 : 3;
    int height = LINES - 1 - y;
    clamp_scroll(s, height);
    if (!lay_out(s, height)) {
        return;
    }
    erase();
    draw_title(s);
    rs_top_names(table, &s->layout, s->sorted, s->descending, &s->line);
    put_line(s, 2, A_REVERSE);
    if (y == 4) {
        rs_top_units(table, &s->layout, &s->line);
        put_line(s, 3, A_DIM);
    }
    draw_rows(s, y);
    draw_footer(s);
    refresh();
}

/* ---- keys ---- */

static void choose_table(struct screen *s, size_t number)
{
    if (number >= s->view->count) {
        return;
    }
    s->active = number;
    s->top = s->skip = 0;
    s->sorted = s->view->sort ? rs_top_column(active_table(s), s->view->sort) : -1;
    for (size_t i = 0; i < active_table(s)->row_count; i++) {
        active_table(s)->rows[i]->dirty = true; /* only the active table is kept up to date */
    }
}

static void edit_filter(struct screen *s, int key)
{
    size_t size = strlen(s->filter);
    if (key == '\r' || key == '\n' || key == KEY_ENTER) {
        s->editing = false;
    } else if (key == ESCAPE) {
        s->editing = false;
        s->filter[0] = '\0';
    } else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && size > 0) {
        while (size > 1 && ((unsigned char)s->filter[size - 1] & 0xC0) == 0x80) {
            size--; /* the rest of a UTF-8 character */
        }
        s->filter[size - 1] = '\0';
    } else if (key >= ' ' && key < 256 && key != 127 && size + 1 < sizeof s->filter) {
        s->filter[size] = (char)key;
        s->filter[size + 1] = '\0';
    }
    s->top = 0;
}

static void move_sort(struct screen *s, int by)
{
    int count = (int)active_table(s)->column_count;
    s->sorted += by;
    s->sorted = s->sorted < -1 ? count - 1 : s->sorted >= count ? -1 : s->sorted;
    s->follow_sort = true;
}

static void scroll_rows(struct screen *s, int64_t by)
{
    int64_t top = (int64_t)s->top + by;
    s->top = top < 0 ? 0 : (size_t)top;
}

static void scroll_columns(struct screen *s, int by)
{
    if (by > 0 && s->layout.to < active_table(s)->column_count) {
        s->skip++;
    } else if (by < 0 && s->skip > 0) {
        s->skip--;
    }
}

static void take_key(struct screen *s, int key)
{
    int page = LINES > 6 ? LINES - 6 : 1;
    if (s->editing) {
        edit_filter(s, key);
        return;
    }
    switch (key) {
    case 'q': s->quit = true; break;
    case '/': s->editing = true; break;
    case ESCAPE: s->filter[0] = '\0'; break;
    case '<': move_sort(s, -1); break;
    case '>': move_sort(s, 1); break;
    case 'r': s->descending = !s->descending; break;
    case 'p':
    case ' ': s->paused = !s->paused; break;
    case '\t': choose_table(s, (s->active + 1) % s->view->count); break;
    case KEY_BTAB: choose_table(s, (s->active + s->view->count - 1) % s->view->count); break;
    case KEY_UP: scroll_rows(s, -1); break;
    case KEY_DOWN: scroll_rows(s, 1); break;
    case KEY_PPAGE: scroll_rows(s, -page); break;
    case KEY_NPAGE: scroll_rows(s, page); break;
    case KEY_HOME: s->top = 0; break;
    case KEY_END: s->top = shown_rows(s); break;
    case KEY_LEFT: scroll_columns(s, -1); break;
    case KEY_RIGHT: scroll_columns(s, 1); break;
    default:
        if (key >= '1' && key <= '9') {
            choose_table(s, (size_t)(key - '1'));
        }
    }
}

/* ---- the loop ---- */

/* A terminal that is gone is ready for reading for ever, but there is nothing to read. The signal of the
 * hang-up may not come (to a background process), and what poll() says besides differs. */
static void look_after_terminal(struct screen *s, short events)
{
    s->silent = events & POLLIN ? s->silent + 1 : s->silent;
    if (events & (POLLHUP | POLLERR | POLLNVAL) || s->silent > SILENT_MAX) {
        s->quit = true;
    }
}

static void wait_for_work(struct screen *s)
{
    sigset_t none;
    int64_t left_us = s->refresh_us - now_us();
    left_us = left_us < 0 ? 0 : left_us;
    struct timespec timeout = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = s->connected ? rs_top_source_fd(s->view->source) : -1, .events = POLLIN}};
    sigemptyset(&none);
    int ready = ppoll(fds, 2, &timeout, &none);
    /* ppoll() leaves signals blocked when something is ready at once, and that may be so every time. */
    int signal = sigtimedwait(&end_signals, NULL, &(struct timespec){0});
    ended = signal > 0 ? signal : ended;
    if (ready > 0) {
        look_after_terminal(s, fds[0].revents);
    }
    if (ready > 0 && fds[1].revents) {
        struct rs_error error = {0};
        if (rs_top_source_take(s->view->source, s->view->tables, s->view->count, s->view->most, &error) !=
            0) {
            lose_connection(s, &error);
        }
    }
}

static void run(struct screen *s)
{
    while (!s->quit && !ended) {
        bool draw_now = false;
        for (int key = getch(); key != ERR; key = getch()) {
            take_key(s, key);
            s->silent = 0;
            draw_now = true;
        }
        if (now_us() >= s->refresh_us) {
            refresh_data(s);
            s->refresh_us = now_us() + s->view->interval_us;
            if (!s->connected && s->refresh_us < s->retry_us) {
                s->refresh_us = s->retry_us; /* nothing changes before */
            }
            draw_now = true;
        }
        if (draw_now) {
            if (!s->paused || s->editing || active_table(s)->shown_count == 0) {
                arrange(s);
            }
            draw(s);
        }
        if (!s->quit) {
            wait_for_work(s);
        }
    }
}

int rs_top_screen_run(const struct rs_top_view *view, struct rs_error *error)
{
    struct screen s = {.view = view, .descending = view->descending};
    SCREEN *terminal = open_terminal(view->colour);
    if (!terminal) {
        const char *type = secure_getenv("TERM");
        return rs_fail(error, RS_EIO, "the terminal type \"%s\" is not known; use --once, or set TERM",
                       type ? type : "");
    }
    snprintf(s.filter, sizeof s.filter, "%s", view->filter ? view->filter : "");
    choose_table(&s, 0);
    run(&s);
    endwin();
    delscreen(terminal);
    free(s.layout.widths);
    rs_buf_fini(&s.line);
    rs_buf_fini(&s.cut);
    return 0;
}
