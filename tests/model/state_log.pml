/* The protocol of the state log and of the fence in Redis, for one input partition. README.md says what is left out;
 * test_state_log.py runs it.
 *
 * An incarnation is one claim and all that follows from it: an instance that loses a partition and claims it again is
 * the next incarnation. Every step is one action that nothing interrupts. Between two steps any time may pass, so a
 * paused process, a slow network and an answer under way are the same thing: a step that comes late.
 *
 * The state of the partition after `o` events is COUNT(pane, o) for each pane, by definition of exactly once. What an
 * incarnation restores is asserted to be that, so from there on its offset says all. A chunk, too, holds panes as of
 * an offset. */

/* ---- bounds, and which parts are there ---- */

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
#define SWEEPS 2 /* that are ever begun */
#endif
#ifndef SLICE
#define SLICE 1 /* panes that a sweep takes with each batch */
#endif
#ifndef FALLS
#define FALLS 0 /* of a broker that had not noted a trim yet, so that some of what was trimmed is back */
#endif
#ifndef WIPES
#define WIPES 1 /* of Redis */
#endif
#ifndef LOG
#define LOG 1 /* 0: of the log only what is proved of it where it is there */
#endif
#ifndef PUBLISH
#define PUBLISH 1 /* 0: without Redis */
#endif
#ifndef LETTERS
#define LETTERS 0 /* 1: an event may be one for the dead letters */
#endif
#ifndef CRASHES
#define CRASHES 1 /* 0: a process only stops for ever, which is as good wherever the end does not matter */
#endif
#ifndef ONE_CHUNK
#define ONE_CHUNK 0 /* 1: a batch is one chunk; 0: a chunk for each of its panes */
#endif

#define PANES 2
#define ALL 3 /* panes as a set */
#define NONE 0
#define BAD 2 /* an event for the dead letters, in place of a pane */

/* ---- planted errors ---- */

#ifdef NO_OWNER_CHECK_IN_READER
#define COUNTS(r) true
#else
#define COUNTS(r) (OWNER(r) == r_owner)
#endif
#ifdef FIRST_RECORD_OWNS
#define LATER_CLAIM(r) (r_owner == NOBODY)
#else
#define LATER_CLAIM(r) (r_owner == NOBODY || OWNER(r) > r_owner) /* incarnations are in the order of their tokens */
#endif
#ifdef CLAIM_NOT_AWAITED
#define CLAIM_DUE (phase == CLAIMING)
#else
#define CLAIM_DUE (phase == IDLE)
#endif
#ifdef CONTIGUITY_NOT_CHECKED
#define GAP false
#else
#define GAP (tail != expected)
#endif
#ifdef LETTER_AFTER_SEAL
#define LETTERS_ACKED true
#else
#define LETTERS_ACKED (letter == NONE)
#endif
#ifdef SEAL_BEFORE_CHUNKS
#define CHUNK_DUE (b_left != 0 && !b_seal)
#define SEAL_DUE b_seal
#else
#define CHUNK_DUE (b_left != 0)
#define SEAL_DUE (b_left == 0 && b_seal)
#endif
#ifdef NO_TOKEN_CHECK
#define FENCED(token) false
#else
#define FENCED(token) ((token) < fence_token)
#endif
#ifdef FENCE_OFF_BY_ONE
#define BARRIER (fence_offset - (fence_offset > 0)) /* an owner may be one event behind what is shown */
#else
#define BARRIER fence_offset
#endif
#ifdef STALE_SWEEP
byte stale_cursor = PANES, stale_start; /* where the last batch that anyone began left its sweep */
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
#define PANES_AT(o) ((COUNT(0, o) > 0) + 2 * (COUNT(1, o) > 0)) /* those that exist */

/* ---- the state log ---- */

#define CLAIM 1
#define CHUNK 2
#define SEAL 3
#define RECORD(kind, owner, next, set, sweep) ((kind) + 4 * (owner) + 16 * (next) + 64 * (set) + 256 * (sweep))
#define KIND(r) ((r) & 3)
#define OWNER(r) (((r) >> 2) & 3)
#define NEXT(r) (((r) >> 4) & 3)     /* input offset as of which it is */
#define PANE_SET(r) (((r) >> 6) & 3) /* of a seal: all its chunks' panes, in place of count and checksum */
#define SWEEP(r) ((r) >> 8)          /* of a seal that ends a sweep: the offset of the sweep's first record */
#define NOBODY 3

short record[RECORDS];
byte first; /* records before it are trimmed */
byte tail;
byte room = RECORDS - INCARNATIONS; /* for records that nobody has begun to send, beside the claims to come */
byte sweeps = SWEEPS;
byte falls = FALLS;
byte begun;      /* incarnations that have claimed; they do so in the order of their numbers */
byte claimed;    /* token of the latest claim: its offset plus one, so that none is zero */
byte restorable; /* input offset of the last seal that counts */
bool letters;    /* the dead letter is in its topic */

/* ---- Redis ---- */

byte fence_token, fence_offset; /* NONE: no fence */
byte shown[PANES];              /* how many events of the pane its value contains; 0: no value */
byte largest;                   /* token from which a request was ever accepted since Redis was wiped */
byte wipes = WIPES;

/* ---- what must hold ---- */

hidden byte no_damage;        /* no crash and no delay makes a log that a reader must refuse */
hidden byte owner_known;      /* readers take the latest claimant for the owner, also when its claim was trimmed away */
hidden byte exactly_once;     /* what a reader would restore is the fold of the input before the offset it names */
hidden byte whole_after_trim; /* and still is when the log has been trimmed */
hidden byte seals_advance;    /* a seal that counts is never undone, and no later one names a smaller offset */
hidden byte commits_hold;     /* what its owner takes for committed would be restored */
hidden byte letters_first;    /* dead letters are in their topic before the seal that covers them */
hidden byte no_step_back;     /* no value in Redis is replaced by an older one */
hidden byte no_zombie_write;  /* nothing changes by a smaller token after a larger one */
hidden byte no_false_alarm;   /* an incarnation drops the partition only when a later one has claimed it */
hidden byte all_done;         /* when all has come to rest, an owner that did not crash has sealed and shown all */

/* What has to happen somewhere, lest the rest be proved of a model that does nothing: pan says so once. */
c_decl {
    static void say_once(const char *what)
    {
        static const char *said[100];
        int i = 0;
        while (i < 100 && said[i] && said[i] != what) i++;
        if (i < 100 && !said[i]) {
            said[i] = what;
            printf("reached: %s\n", what);
        }
    }
};
#define REACHED(what) c_code { say_once(what); }

/* ---- reading the log: as transform/statelog/reader.h ---- */

hidden byte r_at, r_owner, r_next, r_open, r_open_next, r_open_at, r_pane0, r_pane1, r_sweep;
hidden short r_record, r_starts;
hidden byte r_claimed;  /* a claim is there; before it the owner is presumed */
hidden byte r_headless; /* the owner's first batch may have lost chunks to a trim */

inline read_begin()
{
    r_owner = NOBODY;
    r_claimed = false;
    r_headless = true;
    r_next = 0;
    r_open = 0;
    r_open_next = 0;
    r_open_at = 0;
    r_pane0 = 0;
    r_pane1 = 0;
    r_sweep = 0;
    r_starts = 0
}

/* In a trimmed log, before its first claim: whoever writes under the latest claim is the owner. */
inline presume_owner()
{
    no_damage = first > 0;
    assert(no_damage);
    if
    :: r_owner != NOBODY -> REACHED("records of a former owner, given back")
    :: else
    fi;
    read_begin();
    r_owner = OWNER(r_record)
}

inline read_claim()
{
    r_owner = OWNER(r_record);
    r_claimed = true;
    r_headless = false;
    r_open = 0;
    r_starts = 0
}

inline read_chunk()
{
    r_open_at = (r_open == 0 -> r_at : r_open_at);
    r_open = r_open | PANE_SET(r_record);
    r_open_next = NEXT(r_record)
}

#define BEGAN_A_BATCH(at) ((r_starts >> (at)) & 1)

inline count_batch()
{
    r_next = NEXT(r_record);
    r_pane0 = (r_open & 1 -> r_next : r_pane0);
    r_pane1 = (r_open & 2 -> r_next : r_pane1);
    r_starts = r_starts | (r_open != 0 -> 1 << r_open_at : 0);
    if
    :: SWEEP(r_record) > 0 && BEGAN_A_BATCH(SWEEP(r_record)) -> r_sweep = SWEEP(r_record)
    :: SWEEP(r_record) > 0 && !BEGAN_A_BATCH(SWEEP(r_record)) -> REACHED("a sweep that does not count")
    :: else
    fi
}

inline read_seal()
{
    if
    :: r_headless && r_open != PANE_SET(r_record) -> REACHED("a batch without its head")
    :: else ->
        no_damage = r_open == PANE_SET(r_record) && (r_open == 0 || r_open_next == NEXT(r_record));
        assert(no_damage);
        count_batch()
    fi;
    r_headless = false;
    r_open = 0
}

/* Folds the records before `end`: the state is that at input offset r_next, pane p as of r_pane<p>. */
inline read_log(end)
{
    read_begin();
    r_at = first;
    do
    :: r_at < end ->
        r_record = record[r_at];
        if
        :: KIND(r_record) != CLAIM && !r_claimed && LATER_CLAIM(r_record) -> presume_owner()
        :: else
        fi;
        if
        :: KIND(r_record) == CLAIM -> read_claim()
        :: KIND(r_record) == CHUNK && COUNTS(r_record) -> read_chunk()
        :: KIND(r_record) == SEAL && COUNTS(r_record) -> read_seal()
        :: else -> REACHED("a void record")
        fi;
        r_at++
    :: else -> break
    od;
    exactly_once = COUNT(0, r_pane0) == COUNT(0, r_next) && COUNT(1, r_pane1) == COUNT(1, r_next)
}

/* After every change of the log; `begun` has been counted up. */
inline check_log()
{
    read_log(tail);
    owner_known = r_owner == begun - 1;
    assert(owner_known);
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
#else
#define CHUNKS(set) (((set) & 1) + ((set) >> 1))
#define NEXT_CHUNK(left) ((left) & 1 -> 1 : 2)
#define LARGEST_BATCH 3
#endif

/* Where neither Redis nor a dead letter shows how far an incarnation is, it takes events when a batch begins. */
#define TOGETHER (!PUBLISH && !LETTERS)
#define IN_FLIGHT (b_left != 0 || b_seal)
#define MAY_BEGIN (LOG && phase == RUNNING && !IN_FLIGHT && !overtaken && LETTERS_ACKED && room >= LARGEST_BATCH)
#define WORTH_A_BATCH (dirty != 0 || offset != sealed || cursor < PANES)

inline append(what)
{
    printf("%d: offset %d in the log: kind %d, input offset %d, panes %d, sweep from %d\n", me, tail, KIND(what),
        NEXT(what), PANE_SET(what), SWEEP(what));
    record[tail] = what;
    tail++;
    check_log()
}

/* The offset comes back with the acknowledgement. At a gap the log is read up to there, and tells whether another
 * claim lies in it. */
inline append_own(what)
{
    if
    :: phase == RUNNING ->
        if
        :: GAP ->
#ifndef SWEEP_OVER_A_GAP
            cursor = PANES;
            sweep_start = 0;
#endif
            if
            :: claimed > token ->
                overtaken = true;
                REACHED("a claim in a gap")
            :: else -> REACHED("void records in a gap")
            fi
        :: else
        fi;
        expected = (overtaken -> 0 : tail + 1)
    :: else
    fi;
    append(what)
}

/* What no longer matters is zero, so that states which differ only in it are one. */
inline end_of_flight()
{
    if
    :: !IN_FLIGHT ->
        b_set = 0;
        b_sweep = 0;
        sealed = (phase == RUNNING -> sealed : 0)
    :: else
    fi
}

inline end_of_request()
{
    token = (phase == GONE && m_kind == NOTHING -> NONE : token)
}

/* What is under way stays so. */
inline drop_partition()
{
    printf("%d: is gone\n", me);
    phase = GONE;
    offset = 0;
    dirty = 0;
    unshown = 0;
    quiet = 0;
    asked = false;
    noticed = false;
    cursor = PANES;
    sweep_start = 0;
    overtaken = false;
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

inline begin_to_run()
{
#ifdef STALE_SWEEP
    cursor = stale_cursor;
    sweep_start = stale_start;
#endif
    printf("%d: runs, with token %d, from input offset %d\n", me, token, offset);
    phase = RUNNING;
    sealed = (LOG -> offset : 0);
    expected = (LOG -> token : 0);
    unshown = (PUBLISH -> PANES_AT(offset) : 0);
    noticed = wipes < WIPES
}

inline restore()
{
    assert(exactly_once);
    offset = r_next;
    if
    :: first > 0 -> REACHED("a state from a trimmed log")
    :: else
    fi;
    if
    :: r_sweep > first ->
        REACHED("a trim left to the successor");
        trim_to = r_sweep
    :: else
    fi;
    begin_to_run()
}

inline take_event()
{
    if
    :: TOUCHES(offset) == BAD -> letter = 1
    :: else ->
        dirty = dirty | (LOG -> 1 << TOUCHES(offset) : 0);
        unshown = unshown | (PUBLISH -> 1 << TOUCHES(offset) : 0)
    fi;
    printf("%d: takes event %d\n", me, offset);
    offset++;
    quiet = (offset < quiet -> quiet : 0)
}

inline begin_sweep()
{
    sweeps--;
    cursor = 0;
    sweep_start = expected /* where its first record has to stand */
}

/* What changed, as of now, and in a sweep the next of what did not. All of it is sent at once. */
inline begin_batch()
{
    b_set = dirty;
    if
    :: cursor < PANES ->
        b_set = b_set | (((1 << SLICE) - 1) << cursor);
        cursor = cursor + SLICE;
        b_sweep = (cursor == PANES -> sweep_start : 0)
    :: else
    fi;
    b_left = b_set;
    b_seal = true;
    dirty = 0;
    sealed = offset;
    room = room - CHUNKS(b_set) - 1;
#ifdef STALE_SWEEP
    stale_cursor = cursor;
    stale_start = sweep_start;
#endif
#ifdef TRIM_BEFORE_VERIFICATION
    trim_to = b_sweep
#endif
}

/* The seal is acknowledged, and no claim was before it. */
inline committed()
{
    commits_hold = restorable >= sealed;
    assert(commits_hold);
    if
    :: cursor == PANES && sweep_start > 0 ->
        trim_to = (sweep_start > first -> sweep_start : 0);
        sweep_start = 0
    :: else
    fi
}

inline check_trimmed()
{
    read_log(tail);
    whole_after_trim = exactly_once && r_next == restorable && r_owner == begun - 1 && r_sweep >= first;
    assert(whole_after_trim)
}

/* A record that never comes back is zero. */
inline trim()
{
    do
    :: first < trim_to ->
        record[first] = (FALLS -> record[first] : 0);
        first++
    :: else -> break
    od;
    printf("%d: the log begins at %d\n", me, first);
    trim_to = 0;
    check_trimmed()
}

/* Redis' part is sink/redis/write_batch.lua. */
inline accept()
{
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
    fence_offset = m_offset
}

inline not_shown()
{
    unshown = unshown | (m_kind >= VIEW -> 1 << (m_kind - VIEW) : 0)
}

/* Also where the sender is gone. Not answered: the answer gets lost, so that the sender says it again. */
inline request_arrives(answered)
{
    printf("%d: request %d with token %d, input offset %d, at the fence of token %d, offset %d\n", me, m_kind, token,
        m_offset, fence_token, fence_offset);
    if
    :: FENCED(token) ->
        if
        :: answered && phase == RUNNING ->
            REACHED("fenced");
            lost()
        :: else
        fi
    :: !FENCED(token) && m_offset < BARRIER ->
        fence_token = token;
        if
        :: answered && phase == RUNNING ->
            REACHED("behind");
            asked = true;
            quiet = (offset < BARRIER -> BARRIER : 0);
            not_shown()
        :: else
        fi
    :: else ->
        accept();
        asked = asked || (answered && phase == RUNNING)
    fi;
    if
    :: !answered -> not_shown()
    :: else
    fi;
    largest = (token > largest -> token : largest);
    m_kind = NOTHING;
    m_offset = 0;
    end_of_request()
}

proctype Incarnation(byte me)
{
    byte phase = IDLE;
    byte token;          /* of the claim */
    byte offset;         /* the state is the fold of the input before it */
    byte dirty;          /* panes changed since the last batch began */
    byte sealed;         /* offset that the last batch names */
    byte expected;       /* where the next record has to stand */
    bool overtaken;      /* a gap has shown another claim */
    byte cursor = PANES; /* next pane of the sweep; PANES: none goes on */
    byte sweep_start;    /* NONE: no sweep, or one that must not be trimmed to */
    byte b_left, b_set;  /* the batch: panes whose chunks are not in the log yet; all its panes */
    byte b_sweep;        /* and start of the sweep that it ends; NONE: it ends none */
    bool b_seal;         /* and its seal is not in the log yet */
    byte trim_to;        /* DeleteRecords is under way; NONE: it is not */
    byte letter;         /* 1: the dead letter is under way */
    byte unshown;        /* panes whose views are to be published */
    byte quiet;          /* but not before this offset */
    bool asked;          /* Redis, for that offset */
    bool noticed;        /* that Redis was wiped */
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
        claimed = tail + 1;
        token = claimed;
        phase = CLAIMED;
        append(RECORD(CLAIM, me, 0, 0, 0))
    }
    :: d_step {
        phase == CLAIMED && first >= token -> /* by a later owner, before it was read */
        REACHED("a claim trimmed away");
        lost()
    }
    :: d_step {
        phase == CLAIMED && first < token ->
#ifdef CLAIM_NOT_AWAITED
        begin_to_run()
#else
        read_log(token);
        if
        :: first > 0 && r_sweep < first -> /* the reader refuses it, and whoever owns the partition has a whole one */
            REACHED("a state that is not whole");
            lost()
        :: else -> restore()
        fi
#endif
    }
    /* -- the same, where of the log is there what is proved of it: claims have an order, and whether a seal counts is
     * settled when it is in the log -- */
    :: d_step {
        !LOG && phase == IDLE && begun == me ->
        begun++;
        claimed = begun;
        token = claimed;
        offset = restorable;
        begin_to_run()
    }
    :: d_step {
        !LOG && phase == RUNNING && offset > restorable && LETTERS_ACKED && token == claimed ->
        printf("%d: seals input offset %d\n", me, offset);
        restorable = offset
    }
    /* -- the input -- */
    :: d_step { !TOGETHER && phase == RUNNING && offset < EVENTS -> take_event() }
    :: d_step {
        letter == 1 -> /* the dead letter is in its topic, and acknowledged */
        REACHED("a dead letter");
        letters = true;
        letter = NONE
    }
    /* -- batches -- */
    :: atomic {
        MAY_BEGIN && (WORTH_A_BATCH || TOGETHER && offset < EVENTS) ->
        do
        :: TOGETHER && offset < EVENTS -> d_step { take_event() }
        :: WORTH_A_BATCH -> break
        od;
        d_step { begin_batch() }
    }
    :: atomic {
        MAY_BEGIN && cursor == PANES && trim_to == NONE && sweeps > 0 ->
        do
        :: TOGETHER && offset < EVENTS -> d_step { take_event() }
        :: break
        od;
        d_step {
            begin_sweep();
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
        :: phase == RUNNING && !overtaken && b_left == 0 -> committed()
        :: else
        fi;
        end_of_flight()
    }
    :: d_step { overtaken -> lost() }
    :: d_step {
        trim_to != NONE ->
        REACHED("a trim");
        trim()
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
        unshown = unshown & ~1
    }
    :: d_step {
        asked && m_kind == NOTHING && quiet == 0 && (unshown & 2) ->
        m_kind = VIEW + 1;
        m_offset = offset;
        unshown = unshown & ~2
    }
    :: d_step { m_kind != NOTHING -> request_arrives(true) }
    :: d_step { m_kind != NOTHING && phase == RUNNING -> request_arrives(false) }
    :: d_step {
        PUBLISH && phase == RUNNING && wipes < WIPES && !noticed ->
        REACHED("a repair of Redis");
        noticed = true;
        unshown = PANES_AT(offset);
        quiet = 0
    }
    /* -- the end -- */
    :: d_step {
        CRASHES && (phase == CLAIMED || phase == RUNNING) && me < INCARNATIONS - 1 ->
        drop_partition()
    }
    :: timeout && phase == RUNNING && token == claimed ->
        d_step {
            REACHED("the end");
            all_done = LOG && room < LARGEST_BATCH || restorable == EVENTS;
            assert(all_done);
            all_done = !PUBLISH || offset == EVENTS && fence_token == token &&
                shown[0] == COUNT(0, EVENTS) && shown[1] == COUNT(1, EVENTS);
            assert(all_done)
        };
        break
    od
}

proctype Broker()
{
end:
    do
    :: atomic {
        falls > 0 && first > 0 ->
        falls--;
        first--;
        do
        :: first > 0 -> first--
        :: break
        od;
        d_step {
            printf("the broker falls; the log begins at %d\n", first);
            check_trimmed()
        }
    }
    od
}

proctype Redis()
{
end:
    do
    :: d_step {
        wipes > 0 && fence_token != NONE ->
        printf("Redis is wiped\n");
        wipes--;
        fence_token = NONE;
        fence_offset = 0;
        shown[0] = 0;
        shown[1] = 0;
        largest = NONE
    }
    od
}

init {
    byte i;
    atomic {
        do
        :: i < EVENTS ->
            if
            :: true /* pane 0; the first event always: which pane is called 0 is of no interest */
            :: i > 0 -> pattern = pattern | (1 << (2 * i))
#if LETTERS
            :: COUNT(BAD, EVENTS) == 0 -> pattern = pattern | (BAD << (2 * i))
#endif
            fi;
            i++
        :: else -> break
        od;
        i = 0;
        run Broker();
        run Redis();
        do
        :: i < INCARNATIONS ->
            run Incarnation(i);
            i++
        :: else -> break
        od;
        i = 0
    }
}
