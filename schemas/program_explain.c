/* Op list as text. */
#include <inttypes.h>

#include "base/buf.h"
#include "schemas/program_ops.h"

static const char *op_text(enum rs_program_code code)
{
    static const char *const texts[] = {
#define RS_PROGRAM_TEXT(name, function, text) text,
        RS_PROGRAM_OPS(RS_PROGRAM_TEXT)
#undef RS_PROGRAM_TEXT
    };
    return texts[code];
}

static bool writes_slot(enum rs_program_code code)
{
    switch (code) {
    case RS_PROGRAM_BOOLEAN:
    case RS_PROGRAM_INT:
    case RS_PROGRAM_LONG:
    case RS_PROGRAM_MILLIS:
    case RS_PROGRAM_NANOS:
    case RS_PROGRAM_FLOAT:
    case RS_PROGRAM_DOUBLE:
    case RS_PROGRAM_ENUM:
    case RS_PROGRAM_BYTES:
    case RS_PROGRAM_STRING:
    case RS_PROGRAM_UUID:
    case RS_PROGRAM_FIXED:
    case RS_PROGRAM_DECIMAL:
    case RS_PROGRAM_FIXED_DECIMAL:
    case RS_PROGRAM_NULLABLE_SLOT:
    case RS_PROGRAM_SET_NULL:
    case RS_PROGRAM_COPY:
    case RS_PROGRAM_CONSTANT:
    case RS_PROGRAM_ENUM_MAP:
    case RS_PROGRAM_AS_DOUBLE:
    case RS_PROGRAM_AS_FLOAT:
    case RS_PROGRAM_AS_MILLIS:
    case RS_PROGRAM_AS_NANOS:
    case RS_PROGRAM_TIMES:
    case RS_PROGRAM_RESCALE: return true;
    default: return false;
    }
}

static void explain_targets(const struct rs_program *program, size_t at, struct rs_buf *out)
{
    const struct rs_program_op *op = &program->ops[at];
    for (uint32_t i = 0; i < op->a; i++) {
        rs_buf_printf(out, "%s%zu", i == 0 ? " to " : ", ", at + program->targets[op->b + i]);
    }
}

static void explain_operands(const struct rs_program *program, size_t at, struct rs_buf *out)
{
    const struct rs_program_op *op = &program->ops[at];
    switch ((enum rs_program_code)op->code) {
    case RS_PROGRAM_SKIP:
    case RS_PROGRAM_FIXED: rs_buf_printf(out, " of %" PRIu32 " bytes", op->a); break;
    case RS_PROGRAM_ENUM:
    case RS_PROGRAM_ENUM_MAP:
    case RS_PROGRAM_SKIP_ENUM: rs_buf_printf(out, " of %" PRIu32 " symbols", op->a); break;
    case RS_PROGRAM_DECIMAL:
    case RS_PROGRAM_SKIP_DECIMAL: rs_buf_printf(out, " of at most %" PRIu32 " digits", op->a); break;
    case RS_PROGRAM_FIXED_DECIMAL:
    case RS_PROGRAM_SKIP_FIXED_DECIMAL:
        rs_buf_printf(out, " of %" PRIu64 " bytes, at most %" PRIu32 " digits", op->b, op->a);
        break;
    case RS_PROGRAM_NULLABLE:
    case RS_PROGRAM_NULLABLE_SLOT:
        rs_buf_printf(out, ", null is branch %" PRIu32 " and leads to %zu", op->a, at + op->b);
        break;
    case RS_PROGRAM_UNION: explain_targets(program, at, out); break;
    case RS_PROGRAM_JUMP: rs_buf_printf(out, " to %zu", at + op->b); break;
    case RS_PROGRAM_COPY: rs_buf_printf(out, " of slot %" PRIu32, op->a); break;
    case RS_PROGRAM_TIMES: rs_buf_printf(out, " %" PRIu64, op->b); break;
    case RS_PROGRAM_RESCALE: rs_buf_printf(out, " by %" PRIu32 " digits", op->a & 0xff); break;
    case RS_PROGRAM_BLOCKS: rs_buf_printf(out, ", depth +%" PRIu32 ", end at %zu", op->a, at + op->b); break;
    case RS_PROGRAM_CALL: rs_buf_printf(out, " %" PRIu64 ", depth +%" PRIu32, op->b, op->a); break;
    case RS_PROGRAM_EMPTY_BLOCKS:
    case RS_PROGRAM_ENTER: rs_buf_printf(out, ", depth +%" PRIu32, op->a); break;
    default: break;
    }
}

void rs_program_explain(const struct rs_program *program, struct rs_buf *out)
{
    for (size_t i = 0; i < program->op_count; i++) {
        const struct rs_program_op *op = &program->ops[i];
        rs_buf_printf(out, "%4zu  %s", i, op_text((enum rs_program_code)op->code));
        explain_operands(program, i, out);
        if (writes_slot((enum rs_program_code)op->code)) {
            rs_buf_printf(out, " -> slot %u", (unsigned)op->slot);
        }
        if (program->notes[i]) {
            rs_buf_printf(out, "  (%s)", program->notes[i]);
        }
        rs_buf_char(out, '\n');
    }
}
