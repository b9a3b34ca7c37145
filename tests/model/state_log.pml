/* The protocol of the state log and of the fence in Redis, for one input partition; README.md says what is left out.
 *
 * An incarnation is one claim and all that follows from it: an instance that loses a partition and claims it again is
 * the next incarnation. Every step is one action that nothing can interrupt; everything between two actions can take
 * any time, so a paused process, a delayed request and a slow answer are the same thing: a step that comes late.
 *
 * The state of a partition after `o` events is COUNT(pane, o) for each pane, by definition of exactly once. What an
 * incarnation holds is asserted to be that when it restores, and follows from it afterwards, so only its offset is
 * kept. A chunk likewise names panes and the offset as of which they are; the reader's state is put together from
 * them and compared. */

#ifndef EVENTS
#define EVENTS 3
#endif
#ifndef INCARNATIONS
#define INCARNATIONS 3
#endif
#ifndef RECORDS
#define RECORDS 10 /* that ever get into the log */
#endif
#ifndef SWEEPS
#define SWEEPS 2 /* that are ever begun; 0: no sweeps and no trims */
#endif
#ifndef LOG
#define LOG 1 /* 0: only what is proved of it */
#endif
#ifndef ONE_CHUNK
#define ONE_CHUNK 0
#endif
#ifndef PUBLISH
#define PUBLISH 1 /* 0: without Redis */
#endif
#ifndef WIPES
#define WIPES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LETTERS
#define LETTERS 0 /* 1: an event may be one that goes to the dead letters */
#endif

#define PANES 2
#define ALL 3 /* panes as a set */
#define NONE 0
#define BAD 2 /* instead of a pane */

/* ---- planted errors ---- */

#ifdef NO_OWNER_CHECK_IN_READER
#define COUNTS(r) true
#else
#define COUNTS(r) (OWNER(r) == r_owner)
#endif
#ifdef CLAIM_NOT_AWAITED
#define CLAIM_DUE (phase == CLAIMING)
#else
#define CLAIM_DUE (phase == IDLE)
#endif
#ifdef LETTER_AFTER_SEAL
#define LETTERS_ACKED true
#else
#define LETTERS_ACKED (letter == 0)
#endif
#ifdef SEAL_BEFORE_CHUNKS
#define SEAL_DUE b_seal
#define CHUNK_DUE (b_left != 0 && !b_seal)
#else
#define SEAL_DUE (b_seal && b_left == 0)
#define CHUNK_DUE (b_left != 0)
#endif
#ifdef FENCE_OFF_BY_ONE
#define SLACK 1
#else
#define SLACK 0
#endif
#ifdef STALE_SWEEP
byte stale_cursor = PANES, stale_start;
#endif

/* ---- the input ---- */

byte pattern; /* what each event touches, two bits each */
#define TOUCHES(e) ((pattern >> (2 * (e))) & 3)
#define HIT(p, e, o) ((o) > (e) && TOUCHES(e) == (p))
#if EVENTS == 2
#define COUNT(p, o) (HIT(p, 0, o) + HIT(p, 1, o))
#else
#define COUNT(p, o) (HIT(p, 0, o) + HIT(p, 1, o) + HIT(p, 2, o))
#endif
#define SET(o) ((COUNT(0, o) > 0) + 2 * (COUNT(1, o) > 0)) /* panes that exist */

/* ---- the state log ---- */

#define CLAIM 1
#define CHUNK 2
#define SEAL 3
#define RECORD(kind, owner, next, set, sweep) ((kind) + 4 * (owner) + 16 * (next) + 64 * (set) + 256 * (sweep))
#define KIND(r) ((r) & 3)
#define OWNER(r) (((r) >> 2) & 3)
#define NEXT(r) (((r) >> 4) & 3)
#define PANE_SET(r) (((r) >> 6) & 3)
#define SWEEP(r) ((r) >> 8) /* of a seal that ends a sweep: its first record, plus one */
#define NOBODY 3

short record[RECORDS];
byte first; /* records before it are trimmed, and zero here */
byte tail;
byte room = RECORDS - INCARNATIONS; /* for records that nobody has yet sent, beside one claim each */
byte sweeps = SWEEPS;
byte claimed;  /* token of the latest claim: its offset plus one */
byte restorable; /* input offset of the last seal that counts */

/* ---- Redis ---- */

byte fence_token, fence_offset; /* token NONE: no fence */
byte shown[PANES];              /* how many events of the pane its value contains; 0: no value */
byte largest;                   /* token ever accepted since Redis was wiped */
byte wipes = WIPES;

byte begun;   /* incarnations */
bool letters; /* the dead letter is in its topic */

/* ---- what must hold ---- */

hidden byte no_damage;        /* no crash and no delay makes a log that a reader must refuse */
hidden byte exactly_once;     /* what a reader would restore is the fold of the input before the offset it names */
hidden byte whole_after_trim; /* and still is when the log has been trimmed */
hidden byte seals_advance;    /* a seal that counts is never undone, and the next one names no smaller offset */
hidden byte commits_hold;     /* what its owner takes for committed would be restored */
hidden byte letters_first;    /* dead letters are in their topic before the seal that covers them */
hidden byte no_step_back;     /* no value in Redis is replaced by an older one */
hidden byte no_zombie_write;  /* nothing changes by a smaller token after a larger one */
hidden byte no_false_alarm;   /* an incarnation drops the partition only when a later one has claimed it */
hidden byte all_done;         /* when all has come to rest an owner that did not crash has sealed and shown all */

/* ---- reading the log: as transform/state_reader.h ---- */

hidden byte r_at, r_owner, r_next, r_open, r_open_next, r_pane0, r_pane1;
hidden short r_record;
hidden byte r_swept;

inline read_seal()
{
    no_damage = r_open == PANE_SET(r_record) && (r_open == 0 || r_open_next == NEXT(r_record));
    assert(no_damage);
    r_next = NEXT(r_record);
    if
    :: r_open & 1 -> r_pane0 = r_next
    :: else
    fi;
    if
    :: r_open & 2 -> r_pane1 = r_next
    :: else
    fi;
    if
    :: SWEEP(r_record) > first -> r_swept = true
    :: else
    fi;
    r_open = 0
}

/* Folds the records before `end`: the state is that at input offset r_next, pane p as of r_pane<p>. */
inline read_log(end)
{
    r_owner = NOBODY;
    r_next = 0;
    r_open = 0;
    r_open_next = 0;
    r_pane0 = 0;
    r_pane1 = 0;
    r_swept = false;
    r_at = first;
    do
    :: r_at < end ->
        r_record = record[r_at];
        if
        :: r_owner == NOBODY -> /* the first: a claim, unless that was trimmed away */
            no_damage = KIND(r_record) == CLAIM || first > 0;
            assert(no_damage);
            r_owner = OWNER(r_record)
        :: else
        fi;
        if
        :: KIND(r_record) == CLAIM ->
            r_owner = OWNER(r_record);
            r_open = 0
        :: KIND(r_record) == CHUNK && COUNTS(r_record) ->
            r_open = r_open | PANE_SET(r_record);
            r_open_next = NEXT(r_record)
        :: KIND(r_record) == SEAL && COUNTS(r_record) -> read_seal()
        :: else
        fi;
        r_at++
    :: else -> break
    od;
    exactly_once = COUNT(0, r_pane0) == COUNT(0, r_next) && COUNT(1, r_pane1) == COUNT(1, r_next)
}

/* After every change of the log. */
inline check_log()
{
    read_log(tail);
    assert(exactly_once);
    seals_advance = r_next >= restorable;
    assert(seals_advance);
    restorable = r_next;
    letters_first = letters || COUNT(BAD, r_next) == 0;
    assert(letters_first)
}

/* ---- an incarnation ---- */

#define IDLE 0
#define CLAIMED 1  /* the claim is in the log */
#define RUNNING 2  /* restored */
#define GONE 3     /* crashed, or dropped the partition; what is under way still is */
#define CLAIMING 4 /* restored from a log without the claim: only where that is the error */

#define NOTHING 0 /* under way to Redis */
#define ASK 1
#define VIEW 2 /* plus the pane */

#if ONE_CHUNK
#define CHUNKS(set) ((set) != 0)
#define NEXT_CHUNK(left) (left)
#define LARGEST_BATCH 2
#else /* a chunk for each pane */
#define CHUNKS(set) (((set) & 1) + ((set) >> 1))
#define NEXT_CHUNK(left) ((left) & 1 -> 1 : 2)
#define LARGEST_BATCH 3
#endif
#define WORTH_A_BATCH (dirty != 0 || offset != sealed || cursor < PANES)
/* Where neither Redis nor a dead letter shows how far an incarnation is, it takes events when a batch begins. */
#define TOGETHER (!PUBLISH && !LETTERS)
#define IN_FLIGHT (b_left != 0 || b_seal)

inline append(what)
{
    record[tail] = what;
    tail++;
    check_log()
}

/* Appends are acknowledged in their order, so one bit tells what the owner will read from their offsets. */
inline append_own(what)
{
    gap = phase == RUNNING && (gap || tail != expected);
    expected = (phase == RUNNING && !gap -> expected + 1 : 0);
    append(what)
}

/* What no longer matters is zero, so that states that differ only in it are one. */
inline end_of_flight()
{
    if
    :: !IN_FLIGHT ->
        b_set = 0;
        if
        :: phase != RUNNING ->
            b_sweep = 0;
            sealed = 0
        :: else
        fi
    :: else
    fi
}

inline end_of_request()
{
    if
    :: phase == GONE && m_kind == NOTHING -> token = 0
    :: else
    fi
}

/* What is under way stays so. */
inline drop_partition()
{
    phase = GONE;
    offset = 0;
    dirty = 0;
    unshown = 0;
    quiet = 0;
    asked = false;
    noticed = false;
    cursor = PANES;
    sweep_start = 0;
    gap = false;
    expected = 0;
    end_of_flight();
    end_of_request()
}

inline lost()
{
    no_false_alarm = claimed > token;
    assert(no_false_alarm);
    drop_partition()
}

inline restored()
{
#ifdef STALE_SWEEP
    cursor = stale_cursor;
    sweep_start = stale_start;
#endif
    phase = RUNNING;
    unshown = (PUBLISH -> SET(offset) : 0);
    noticed = wipes < WIPES
}

inline take_event()
{
    if
    :: TOUCHES(offset) == BAD -> letter = 1
    :: else ->
        dirty = dirty | (LOG -> 1 << TOUCHES(offset) : 0);
        unshown = unshown | (PUBLISH -> 1 << TOUCHES(offset) : 0)
    fi;
    offset++;
    if
    :: offset >= quiet -> quiet = 0
    :: else
    fi
}

/* All acknowledged and contiguous. That the news may come late is in the steps that follow from it. */
inline committed()
{
    commits_hold = restorable >= sealed;
    assert(commits_hold);
    if
    :: b_sweep > 0 ->
        trim_to = b_sweep - 1;
        b_sweep = 0;
        sweep_start = 0
    :: else
    fi
}

inline begin_batch()
{
    b_seal = true;
    b_set = dirty;
    if
    :: cursor < PANES ->
        b_set = b_set | (1 << cursor);
        cursor++;
        if
        :: cursor == PANES -> b_sweep = sweep_start + 1
        :: else
        fi
    :: else
    fi;
#ifdef TRIM_BEFORE_VERIFICATION
    if
    :: b_sweep > 0 -> trim_to = b_sweep - 1
    :: else
    fi;
#endif
    b_left = b_set;
    dirty = 0;
    sealed = offset;
#ifdef STALE_SWEEP
    stale_cursor = cursor;
    stale_start = sweep_start;
#endif
    room = room - CHUNKS(b_set) - 1
}

/* sink/write_batch.lua, and what the worker makes of its answer. */
inline redis_write(answered)
{
    if
#ifndef NO_TOKEN_CHECK
    :: token < fence_token -> /* FENCED */
        if
        :: answered && phase == RUNNING -> lost()
        :: else
        fi
#endif
    :: m_offset + SLACK < fence_offset -> /* BEHIND */
        fence_token = token;
        if
        :: answered && phase == RUNNING ->
            quiet = (fence_offset - SLACK > offset -> fence_offset - SLACK : 0);
            asked = true;
            if
            :: m_kind >= VIEW -> unshown = unshown | (1 << (m_kind - VIEW))
            :: else
            fi
        :: else
        fi
    :: else ->
        if
        :: m_kind >= VIEW ->
            no_zombie_write = token >= largest;
            assert(no_zombie_write);
            no_step_back = COUNT(m_kind - VIEW, m_offset) >= shown[m_kind - VIEW];
            assert(no_step_back);
            shown[m_kind - VIEW] = COUNT(m_kind - VIEW, m_offset)
        :: else
        fi;
        fence_token = token;
        fence_offset = m_offset;
        if
        :: answered && phase == RUNNING -> asked = true
        :: else
        fi
    fi;
    if
    :: !answered && m_kind >= VIEW -> unshown = unshown | (1 << (m_kind - VIEW))
    :: else
    fi;
    if
    :: token > largest -> largest = token
    :: else
    fi;
    m_kind = NOTHING;
    m_offset = 0;
    end_of_request()
}

proctype Incarnation(byte me)
{
    byte phase = IDLE;
    byte token;         /* offset of the claim plus one */
    byte offset;        /* the state is the fold of the input before it */
    byte dirty;         /* panes changed since the last batch began */
    byte sealed;        /* offset that the last batch names */
    byte expected;      /* where the next record has to stand */
    bool gap;           /* one stands elsewhere */
    byte cursor = PANES; /* of the sweep; PANES: none goes on */
    byte sweep_start;
    byte b_left, b_set; /* the batch: panes whose chunks are not in the log yet, all its panes */
    byte b_sweep;       /* start of the sweep that it ends, plus one; 0: it ends none */
    bool b_seal;        /* its seal is not in the log yet */
    byte trim_to;       /* DeleteRecords is under way; 0: it is not */
    byte letter;        /* the dead letter: 1 under way, 2 acknowledged */
    byte unshown;       /* panes whose views are to be published */
    byte quiet;         /* not before this offset */
    bool asked;         /* how far Redis is */
    bool noticed;       /* that Redis was wiped */
    byte m_kind, m_offset; /* the request under way to Redis */

end:
    do
    /* -- take over -- */
#ifdef CLAIM_NOT_AWAITED
    :: d_step {
        phase == IDLE && begun == me ->
        read_log(tail);
        offset = r_next;
        phase = CLAIMING
    }
#endif
    :: d_step {
        LOG && CLAIM_DUE && begun == me ->
        begun++;
        append(RECORD(CLAIM, me, 0, 0, 0));
        token = tail;
        claimed = token;
        phase = CLAIMED
    }
    :: d_step { /* with a log that is only what is proved of it: claims are in an order, and a seal counts or is void */
        !LOG && phase == IDLE && begun == me ->
        begun++;
        token = begun;
        claimed = token;
        offset = restorable;
        restored()
    }
    :: d_step {
        !LOG && phase == RUNNING && offset > restorable && LETTERS_ACKED && token == claimed ->
        restorable = offset
    }
    :: d_step {
        phase == CLAIMED && first >= token -> /* trimmed away before it was read: by a later owner */
        lost()
    }
    :: d_step {
        phase == CLAIMED && first < token ->
#ifndef CLAIM_NOT_AWAITED
        read_log(token);
        assert(exactly_once);
        offset = r_next;
#endif
        sealed = offset;
        expected = token;
        restored()
    }
    /* -- the input -- */
    :: d_step { !TOGETHER && phase == RUNNING && offset < EVENTS -> take_event() }
    /* -- batches -- */
    :: atomic {
        LOG && phase == RUNNING && !IN_FLIGHT && !gap && room >= LARGEST_BATCH && LETTERS_ACKED &&
            (WORTH_A_BATCH || TOGETHER && offset < EVENTS) ->
        do
        :: TOGETHER && offset < EVENTS -> d_step { take_event() }
        :: WORTH_A_BATCH -> break
        od;
        d_step { begin_batch() }
    }
    :: atomic {
        LOG && phase == RUNNING && !IN_FLIGHT && !gap && room >= LARGEST_BATCH && LETTERS_ACKED &&
            cursor == PANES && trim_to == 0 && sweeps > 0 ->
        do
        :: TOGETHER && offset < EVENTS -> d_step { take_event() }
        :: break
        od;
        d_step {
            sweeps--;
            cursor = 0;
            sweep_start = expected;
            begin_batch()
        }
    }
    :: d_step {
        CHUNK_DUE ->
        append_own(RECORD(CHUNK, me, sealed, NEXT_CHUNK(b_left), 0));
        b_left = b_left & ~NEXT_CHUNK(b_left);
        end_of_flight()
    }
    :: d_step {
        SEAL_DUE ->
        append_own(RECORD(SEAL, me, sealed, b_set, b_sweep));
        b_seal = false;
        if
        :: phase == RUNNING && !gap && b_left == 0 -> committed()
        :: else
        fi;
        end_of_flight()
    }
    :: d_step { phase == RUNNING && gap -> drop_partition() }
    :: d_step {
        trim_to > 0 ->
        do
        :: first < trim_to ->
            record[first] = 0;
            first++
        :: else -> break
        od;
        trim_to = 0;
        read_log(tail);
        whole_after_trim = exactly_once && r_swept && r_next == restorable;
        assert(whole_after_trim)
    }
    /* -- dead letters -- */
    :: d_step {
        letter == 1 ->
        letters = true;
        letter = 0
    }
    /* -- Redis -- */
    :: d_step {
        PUBLISH && phase == RUNNING && m_kind == NOTHING && !asked ->
        m_kind = ASK;
        m_offset = offset
    }
    :: d_step {
        asked && m_kind == NOTHING && quiet == 0 && (unshown & 1) ->
        m_kind = VIEW;
        m_offset = offset;
        unshown = unshown & 2
    }
    :: d_step {
        asked && m_kind == NOTHING && quiet == 0 && (unshown & 2) ->
        m_kind = VIEW + 1;
        m_offset = offset;
        unshown = unshown & 1
    }
    :: d_step { m_kind != NOTHING -> redis_write(true) }
    :: d_step { m_kind != NOTHING && phase == RUNNING -> redis_write(false) }
    :: d_step {
        phase == RUNNING && wipes < WIPES && !noticed -> /* by the run id, or the fence found */
        noticed = true;
        unshown = SET(offset);
        quiet = 0
    }
    /* -- the end; the last incarnation stops for good wherever its next step does not come -- */
    :: d_step {
        CRASHES && (phase == CLAIMED || phase == RUNNING) && me < INCARNATIONS - 1 ->
        drop_partition()
    }
    :: timeout && phase == RUNNING && token == claimed ->
        d_step {
            all_done = LOG && room < LARGEST_BATCH || restorable == EVENTS;
            assert(all_done);
            all_done = !PUBLISH || offset == EVENTS && fence_token == token &&
                shown[0] == COUNT(0, EVENTS) && shown[1] == COUNT(1, EVENTS);
            assert(all_done)
        };
        break
    od
}

proctype Environment()
{
end:
    do
    :: d_step {
        wipes > 0 && fence_token != NONE ->
        wipes--;
        fence_token = NONE;
        fence_offset = 0;
        shown[0] = 0;
        shown[1] = 0;
        largest = 0
    }
    od
}

init {
    byte i;
    atomic {
        do
        :: i < EVENTS ->
            if
            :: true /* pane 0 */
            :: i > 0 -> pattern = pattern | (1 << (2 * i))
#if LETTERS
            :: COUNT(BAD, EVENTS) == 0 -> pattern = pattern | (BAD << (2 * i))
#endif
            fi;
            i++
        :: else -> break
        od;
        i = 0;
        run Environment();
        do
        :: i < INCARNATIONS -> run Incarnation(i); i++
        :: else -> break
        od;
        i = 0
    }
}
