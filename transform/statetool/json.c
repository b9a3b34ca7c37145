#include <inttypes.h>

#include "base/time/text.h"
#include "transform/statetool/internal.h"

/* ---- pieces ---- */

static void put_string(const char *name, const char *text, struct rs_buf *out)
{
    rs_buf_printf(out, "\"%s\":", name);
    rs_buf_json_string(out, rs_slice_text(text));
}

static void put_int(const char *name, int64_t value, struct rs_buf *out)
{
    rs_buf_printf(out, ",\"%s\":%" PRId64, name, value);
}

static void put_count(const char *name, uint64_t value, struct rs_buf *out)
{
    rs_buf_printf(out, ",\"%s\":%" PRIu64, name, value);
}

static void put_int_or_null(const char *name, bool known, int64_t value, struct rs_buf *out)
{
    if (known) {
        put_int(name, value, out);
    } else {
        rs_buf_printf(out, ",\"%s\":null", name);
    }
}

static void put_time(const char *name, int64_t us, struct rs_buf *out)
{
    char text[RS_TIME_TEXT_MAX];
    rs_buf_printf(out, ",\"%s\":", name);
    if (us == RS_TIME_NONE || !rs_time_in_range(us)) {
        rs_buf_text(out, "null");
        return;
    }
    rs_buf_json_string(out, rs_slice_of(text, rs_time_format(us, text)));
}

static void put_owner(const struct rs_owner *owner, struct rs_buf *out)
{
    rs_buf_text(out, ",\"owner\":\"");
    for (size_t i = 0; i < sizeof owner->bytes; i++) {
        rs_buf_printf(out, "%02x", owner->bytes[i]);
    }
    rs_buf_char(out, '"');
}

static void put_head(const char *type, const struct rs_state_report *report, struct rs_buf *out)
{
    rs_buf_char(out, '{');
    put_string("type", type, out);
    rs_buf_char(out, ',');
    put_string("stream", report->log->stream->name, out);
    rs_buf_char(out, ',');
    put_string("input", report->log->stream->topic, out);
    rs_buf_char(out, ',');
    put_string("topic", report->topic, out);
    put_int("partition", report->log->partition, out);
}

static void put_claim(const struct rs_log_row *row, struct rs_buf *out)
{
    const struct rs_claim *claim = &row->record.claim;
    rs_buf_char(out, ',');
    put_string("instance", row->text, out);
    rs_buf_char(out, ',');
    put_string("version", row->version, out);
    put_time("time", claim->wall_us, out);
    rs_buf_printf(out, ",\"configuration\":\"%016" PRIx64 "\"", claim->fingerprint);
    put_int_or_null("rebuild_from", claim->flags & RS_CLAIM_REBUILD, claim->from_offset, out);
    put_int_or_null("start_from", claim->flags & RS_CLAIM_START, claim->from_offset, out);
}

/* ---- records ---- */

static const char *const fates[] = {
    [RS_FATE_CLAIM] = "claim",   [RS_FATE_COUNTS] = "counts",     [RS_FATE_VOID] = "void",
    [RS_FATE_OPEN] = "open",     [RS_FATE_UNSEALED] = "unsealed", [RS_FATE_DAMAGE] = "damage",
    [RS_FATE_BEYOND] = "beyond", [RS_FATE_UNREAD] = "unreadable", [RS_FATE_REBUILT] = "rebuilt",
};
static const char *const kinds[] = {NULL, "claim", "chunk", "seal"};

static void put_row(const struct rs_log_row *row, struct rs_buf *out)
{
    const struct rs_state_record *record = &row->record;
    if (record->kind == 0) {
        rs_buf_char(out, ',');
        put_string("error", row->text, out);
        return;
    }
    rs_buf_char(out, ',');
    put_string("kind", kinds[record->kind], out);
    put_owner(&record->owner, out);
    switch (record->kind) {
    case RS_RECORD_CLAIM: put_claim(row, out); break;
    case RS_RECORD_CHUNK:
        put_int("claim", record->token, out);
        put_count("batch", record->chunk.batch, out);
        put_count("sequence", record->chunk.sequence, out);
        break;
    case RS_RECORD_SEAL:
        put_int("claim", record->token, out);
        put_count("batch", record->seal.batch, out);
        put_count("chunks", record->seal.chunks, out);
        put_int("next_offset", record->seal.seal.next_offset, out);
        put_int("sweep_start", record->seal.sweep_start, out);
        break;
    }
}

void rs_state_json_records(const struct rs_state_report *report, struct rs_buf *out)
{
    for (size_t i = 0; i < report->log->row_count; i++) {
        const struct rs_log_row *row = &report->log->rows[i];
        put_head("record", report, out);
        put_int("offset", row->offset, out);
        put_count("bytes", row->size, out);
        rs_buf_char(out, ',');
        put_string("fate", fates[row->fate], out);
        put_row(row, out);
        rs_buf_text(out, "}\n");
    }
}

/* ---- the summary ---- */

static void put_latest_claim(const struct rs_judged_log *log, struct rs_buf *out)
{
    if (log->claim_row == SIZE_MAX && log->result.claim < 0) {
        rs_buf_text(out, ",\"claim\":null");
        return;
    }
    if (log->claim_row == SIZE_MAX) { /* trimmed away: what its owner's records say of it */
        rs_buf_printf(out, ",\"claim\":{\"offset\":%" PRId64, log->result.claim);
        put_owner(&log->result.owner, out);
        rs_buf_char(out, '}');
        return;
    }
    const struct rs_log_row *row = &log->rows[log->claim_row];
    rs_buf_printf(out, ",\"claim\":{\"offset\":%" PRId64, row->offset);
    put_owner(&row->record.owner, out);
    put_claim(row, out);
    rs_buf_char(out, '}');
}

static void put_events(const struct rs_accounting *e, struct rs_buf *out)
{
    rs_buf_printf(out,
                  ",\"events\":{\"consumed\":%" PRIu64 ",\"applied\":%" PRIu64 ",\"late\":%" PRIu64
                  ",\"duplicate\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"filtered\":%" PRIu64 "}",
                  e->consumed, e->applied, e->late, e->duplicate, e->rejected, e->filtered);
}

static void put_latest_seal(const struct rs_state_report *report, struct rs_buf *out)
{
    const struct rs_judged_log *log = report->log;
    const struct rs_seal *seal = &log->result.seal;
    if (!log->result.sealed || log->seal_row == SIZE_MAX) {
        rs_buf_text(out, ",\"seal\":null");
        return;
    }
    const struct rs_log_row *row = &log->rows[log->seal_row];
    rs_buf_printf(out, ",\"seal\":{\"offset\":%" PRId64, row->offset);
    put_count("batch", row->record.seal.batch, out);
    put_int("next_offset", seal->next_offset, out);
    put_int_or_null("lag", report->input_end >= 0 && seal->next_offset >= 0,
                    report->input_end - seal->next_offset, out);
    put_time("stream_time", seal->stream_time_us, out);
    put_time("now_shown", seal->now_shown_us, out);
    put_events(&seal->events, out);
    rs_buf_printf(out, ",\"balances\":%s}", rs_state_balances(log) ? "true" : "false");
}

static void put_damage(const struct rs_state_report *report, struct rs_buf *out)
{
    struct rs_buf remedy = {0};
    if (report->log->damage.code == 0) {
        rs_buf_text(out, ",\"damage\":null");
        return;
    }
    rs_buf_text(out, ",\"damage\":{");
    put_string("text", report->log->damage.text, out);
    rs_state_remedy(report, &remedy);
    rs_buf_text(out, ",\"remedy\":");
    rs_buf_json_string(out, rs_buf_slice(&remedy));
    rs_buf_char(out, '}');
    out->failed = out->failed || remedy.failed;
    rs_buf_fini(&remedy);
}

void rs_state_json_summary(const struct rs_state_report *report, struct rs_buf *out)
{
    const struct rs_judged_log *log = report->log;
    const struct rs_state_reading *r = &log->result;
    put_head("partition", report, out);
    put_int("first", log->first, out);
    put_int("end", log->end, out);
    put_count("bytes", r->bytes, out);
    put_count("claims", log->claims, out);
    rs_buf_printf(out, ",\"batches\":{\"valid\":%" PRIu64 ",\"void\":%" PRIu64 ",\"unsealed\":%" PRIu64 "}",
                  log->batches, log->void_batches, log->unsealed_batches);
    put_latest_claim(log, out);
    put_int_or_null("rebuild_from", r->rebuild_from != -1, r->rebuild_from, out);
    put_int_or_null("start_from", r->start_from != -1, r->start_from, out);
    put_latest_seal(report, out);
    rs_buf_printf(out, ",\"sweep\":{\"start\":%" PRId64 ",\"bytes\":%" PRIu64 ",\"since_bytes\":%" PRIu64 "}",
                  r->sweep_start, r->sweep_bytes, r->bytes_since);
    put_int_or_null("input_end", report->input_end >= 0, report->input_end, out);
    put_damage(report, out);
    rs_buf_text(out, "}\n");
}
