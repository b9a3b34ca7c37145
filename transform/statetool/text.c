#include <inttypes.h>
#include <string.h>

#include "base/source.h"
#include "base/time/text.h"
#include "transform/statetool/internal.h"

/* ---- pieces ---- */

bool rs_state_balances(const struct rs_judged_log *log)
{
    const struct rs_accounting *e = &log->result.seal.events;
    return e->consumed == e->applied + e->late + e->duplicate + e->rejected + e->filtered;
}

void rs_state_remedy(const struct rs_state_report *report, struct rs_buf *out)
{
    rs_buf_printf(out, "rollstatd -c %s --rebuild --stream %s reads the input again and makes the state anew",
                  report->config, report->log->stream->name);
}

static void put_time(int64_t us, struct rs_buf *out)
{
    char text[RS_TIME_TEXT_MAX];
    if (us == RS_TIME_NONE) {
        rs_buf_text(out, "none");
    } else if (!rs_time_in_range(us)) {
        rs_buf_printf(out, "%" PRId64 " us", us);
    } else {
        rs_buf_put(out, text, rs_time_format(us, text));
    }
}

static void put_size(uint64_t bytes, struct rs_buf *out)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    size_t unit = 0;
    if (bytes < 1024) {
        rs_buf_printf(out, "%" PRIu64 " bytes", bytes);
        return;
    }
    for (size /= 1024; size >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++) {
        size /= 1024;
    }
    rs_buf_printf(out, "%.1f %s", size, units[unit]);
}

/* Enough to tell owners apart. */
static void put_owner(const struct rs_owner *owner, struct rs_buf *out)
{
    for (size_t i = 0; i < 4; i++) {
        rs_buf_printf(out, "%02x", owner->bytes[i]);
    }
}

/* Where the input begins; negative: where it did when it is asked. */
static void put_input(int64_t offset, struct rs_buf *out)
{
    if (offset >= 0) {
        rs_buf_printf(out, "offset %" PRId64, offset);
    } else {
        rs_buf_text(out, "its beginning");
    }
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- records ---- */

static const char *fate_text(enum rs_fate fate)
{
    switch (fate) {
    case RS_FATE_CLAIM: return "takes the log over";
    case RS_FATE_COUNTS: return "counts";
    case RS_FATE_VOID: return "void: not the owner's";
    case RS_FATE_UNSEALED: return "void: never sealed";
    case RS_FATE_OPEN: return "not sealed yet";
    case RS_FATE_DAMAGE: return "DAMAGE";
    case RS_FATE_BEYOND: return "not judged: it follows damage";
    case RS_FATE_UNREAD: return "damaged too";
    case RS_FATE_REBUILT: return "void: a rebuild follows";
    }
    return "";
}

static void put_claim_row(const struct rs_log_row *row, struct rs_buf *out)
{
    const struct rs_claim *claim = &row->record.claim;
    rs_buf_printf(out, "by %s, version %s, ", row->text, row->version);
    put_time(claim->wall_us, out);
    if (claim->flags & RS_CLAIM_REBUILD) {
        rs_buf_text(out, ", rebuild from ");
        put_input(claim->from_offset, out);
    } else if (claim->flags & RS_CLAIM_START) {
        rs_buf_text(out, ", start at ");
        put_input(claim->from_offset, out);
    }
}

static void put_seal_row(const struct rs_log_row *row, struct rs_buf *out)
{
    const struct rs_seal_record *seal = &row->record.seal;
    rs_buf_printf(out, "batch %" PRIu64 ", %" PRIu32 " chunk%s, input up to %" PRId64, seal->batch,
                  seal->chunks, plural(seal->chunks), seal->seal.next_offset);
    if (seal->sweep_start >= 0) {
        rs_buf_printf(out, ", ends the sweep from %" PRId64, seal->sweep_start);
    }
}

static void put_row(const struct rs_log_row *row, struct rs_buf *out)
{
    rs_buf_printf(out, "%12" PRId64 "  ", row->offset);
    if (row->record.kind != 0) {
        static const char *const kinds[] = {"", "claim", "chunk", "seal"};
        rs_buf_printf(out, "%-5s  ", kinds[row->record.kind]);
        put_owner(&row->record.owner, out);
        rs_buf_text(out, "  ");
    }
    switch (row->record.kind) {
    case RS_RECORD_CLAIM: put_claim_row(row, out); break;
    case RS_RECORD_CHUNK:
        rs_buf_printf(out, "batch %" PRIu64 ", chunk %" PRIu32, row->record.chunk.batch,
                      row->record.chunk.sequence);
        break;
    case RS_RECORD_SEAL: put_seal_row(row, out); break;
    default: rs_buf_text(out, row->text); break;
    }
    rs_buf_printf(out, "  [%zu bytes]  %s\n", row->size, fate_text(row->fate));
}

void rs_state_text_records(const struct rs_state_report *report, struct rs_buf *out)
{
    const struct rs_judged_log *log = report->log;
    rs_buf_printf(out, "%s, partition %" PRId32 ", records\n", report->topic, log->partition);
    for (size_t i = 0; i < log->row_count; i++) {
        put_row(&log->rows[i], out);
    }
}

/* ---- the summary ---- */

static void put_extent(const struct rs_judged_log *log, struct rs_buf *out)
{
    if (log->row_count == 0) {
        rs_buf_printf(out, "  log     empty; it begins at offset %" PRId64 "\n", log->first);
        return;
    }
    rs_buf_printf(out, "  log     offsets %" PRId64 " to %" PRId64 ", ", log->first, log->end - 1);
    put_size(log->result.bytes, out);
    rs_buf_printf(out,
                  "; %" PRIu64 " claim%s; %" PRIu64 " batch%s, %" PRIu64 " void, %" PRIu64 " never sealed\n",
                  log->claims, plural(log->claims), log->batches, log->batches == 1 ? " counts" : "es count",
                  log->void_batches, log->unsealed_batches);
}

static void put_claim(const struct rs_judged_log *log, struct rs_buf *out)
{
    if (log->claim_row == SIZE_MAX) {
        rs_buf_printf(out, "  claim   at offset %" PRId64 ", trimmed away; owner ", log->result.claim);
        put_owner(&log->result.owner, out);
        rs_buf_char(out, '\n');
        return;
    }
    const struct rs_log_row *row = &log->rows[log->claim_row];
    rs_buf_printf(out, "  claim   at offset %" PRId64 " ", row->offset);
    put_claim_row(row, out);
    rs_buf_text(out, "; owner ");
    put_owner(&row->record.owner, out);
    rs_buf_printf(out, ", configuration %016" PRIx64 "\n", row->record.claim.fingerprint);
}

static void put_lag(const struct rs_state_report *report, int64_t next, struct rs_buf *out)
{
    if (report->input_end >= 0 && next >= 0) {
        rs_buf_printf(out, ", %" PRId64 " behind its end", report->input_end - next);
    }
}

static void put_seal(const struct rs_state_report *report, struct rs_buf *out)
{
    const struct rs_state_reading *r = &report->log->result;
    const struct rs_accounting *e = &r->seal.events;
    if (!r->sealed) {
        rs_buf_text(out, "  seal    none: the input is to be read from ");
        put_input(r->rebuild_from != -1 ? r->rebuild_from : r->start_from, out);
        rs_buf_char(out, '\n');
        return;
    }
    const struct rs_log_row *row = &report->log->rows[report->log->seal_row];
    rs_buf_printf(out, "  seal    at offset %" PRId64 ", batch %" PRIu64 ": input up to offset %" PRId64,
                  row->offset, row->record.seal.batch, r->seal.next_offset);
    put_lag(report, r->seal.next_offset, out);
    rs_buf_text(out, "; stream time ");
    put_time(r->seal.stream_time_us, out);
    rs_buf_text(out, ", shown up to ");
    put_time(r->seal.now_shown_us, out);
    rs_buf_printf(out,
                  "\n  events  consumed %" PRIu64 " = applied %" PRIu64 " + late %" PRIu64
                  " + duplicate %" PRIu64 " + rejected %" PRIu64 " + filtered %" PRIu64 "%s\n",
                  e->consumed, e->applied, e->late, e->duplicate, e->rejected, e->filtered,
                  rs_state_balances(report->log) ? "" : ": DOES NOT BALANCE");
}

static void put_sweep(const struct rs_state_reading *r, struct rs_buf *out)
{
    if (r->sweep_start < 0) {
        return;
    }
    if (r->sweep_bytes > 0) {
        rs_buf_printf(out, "  sweep   from offset %" PRId64 ", ", r->sweep_start);
        put_size(r->sweep_bytes, out);
        rs_buf_text(out, "; ");
    } else {
        rs_buf_printf(out, "  sweep   none yet; the state begins at offset %" PRId64 "; ", r->sweep_start);
    }
    put_size(r->bytes_since, out);
    rs_buf_text(out, " since\n");
}

void rs_state_text_summary(const struct rs_state_report *report, struct rs_buf *out)
{
    const struct rs_judged_log *log = report->log;
    rs_buf_printf(out, "%s, partition %" PRId32 "\n", report->topic, log->partition);
    put_extent(log, out);
    if (log->row_count > 0 && log->damage.code == 0) {
        put_claim(log, out);
        put_seal(report, out);
        put_sweep(&log->result, out);
    }
    if (log->damage.code < 0) {
        rs_buf_printf(out, "  DAMAGE  %s\n  remedy  ", log->damage.text);
        rs_state_remedy(report, out);
        rs_buf_char(out, '\n');
    }
}
