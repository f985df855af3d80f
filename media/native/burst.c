/* Numbers and encrypts a burst for a group of viewers and sends it: what media/sender.py does, in one call.
 *
 * Rules: the bytes are those of media/sender.py, which is what this is held against; nothing is kept between calls,
 * nothing is allocated, and no file or library is opened: the slab, the socket and libsrtp's own function come from the
 * caller. What does not fit into the slab or the packet that it names is refused before anything is sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define SOL_UDP_ 17
#define UDP_SEGMENT_ 103
#define MOST_MESSAGES 64
#define MOST_PLACES 64
#define HEADER 12
#define SEND_TIME_AT 17

typedef int (*protect_fn)(void *session, void *packet, int *length);

/* One packet of the burst. A place of 0 is no picture id, or no base layer index. */
struct place {
    uint32_t at, length, timestamp, picture_at, base_at;
    uint16_t sequence, picture;
    uint8_t wide, base;
    uint16_t unused;
};

/* What one message carries; a segment of 0 is a single packet. */
struct part {
    uint32_t at, length, segment;
};

/* One viewer. Address and port are in network order. */
struct screen {
    uint64_t session;
    uint32_t ssrc, timestamp, address;
    uint16_t sequence, picture, base, port;
    uint32_t unused;
};

/* The burst as a cohort gets it. */
struct burst {
    const uint8_t *data;
    const struct place *places;
    const struct part *parts;
    uint32_t size, place_count, part_count, tag;
};

/* What came of it; `uncut` says that the kernel would not cut a message. */
struct outcome {
    uint32_t dropped, unsealed, uncut;
};

struct outgoing {
    struct mmsghdr messages[MOST_MESSAGES];
    struct iovec pieces[MOST_MESSAGES];
    struct sockaddr_in to[MOST_MESSAGES];
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
    } cuts[MOST_MESSAGES];
    unsigned count;
};

uint32_t size_of_place(void) { return sizeof(struct place); }
uint32_t size_of_part(void) { return sizeof(struct part); }
uint32_t size_of_screen(void) { return sizeof(struct screen); }

static void put16(uint8_t *at, uint16_t value) {
    at[0] = value >> 8;
    at[1] = value & 0xff;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static int is_sound(const struct burst *burst, uint32_t slab_size, int stamped) {
    uint32_t least = HEADER + (stamped ? 8 : 0);
    if (burst->size > slab_size || burst->place_count > MOST_PLACES || burst->part_count > MOST_PLACES)
        return 0;
    for (uint32_t i = 0; i < burst->place_count; i++) {
        const struct place *one = &burst->places[i];
        uint64_t end = (uint64_t)one->at + one->length;
        if (one->length < least || end + burst->tag > burst->size)
            return 0;
        if (one->picture_at && (one->picture_at < one->at || one->picture_at + (one->wide ? 2u : 1u) > end))
            return 0;
        if (one->base_at && (one->base_at < one->at || one->base_at >= end))
            return 0;
    }
    for (uint32_t i = 0; i < burst->part_count; i++)
        if ((uint64_t)burst->parts[i].at + burst->parts[i].length > burst->size || burst->parts[i].segment > 0xffff)
            return 0;
    return 1;
}

static void flush(int fd, struct outgoing *out, struct outcome *outcome) {
    unsigned at = 0;
    while (at < out->count) {
        int sent = sendmmsg(fd, out->messages + at, out->count - at, 0);
        if (sent > 0) {
            at += (unsigned)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (out->messages[at].msg_hdr.msg_controllen && (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP))
            outcome->uncut = 1;
        outcome->dropped++;
        at++;
    }
    out->count = 0;
}

static void add(struct outgoing *out, const struct screen *to, uint8_t *piece, uint32_t length, uint32_t segment) {
    unsigned at = out->count++;
    struct msghdr *message = &out->messages[at].msg_hdr;
    memset(message, 0, sizeof *message);
    memset(&out->to[at], 0, sizeof out->to[at]);
    out->to[at].sin_family = AF_INET;
    out->to[at].sin_port = to->port;
    out->to[at].sin_addr.s_addr = to->address;
    out->pieces[at].iov_base = piece;
    out->pieces[at].iov_len = length;
    message->msg_name = &out->to[at];
    message->msg_namelen = sizeof out->to[at];
    message->msg_iov = &out->pieces[at];
    message->msg_iovlen = 1;
    if (segment) {
        uint16_t cut = (uint16_t)segment;
        struct cmsghdr *header = &out->cuts[at].header;
        message->msg_control = header;
        message->msg_controllen = sizeof out->cuts[at];
        header->cmsg_level = SOL_UDP_;
        header->cmsg_type = UDP_SEGMENT_;
        header->cmsg_len = CMSG_LEN(sizeof cut);
        memcpy(CMSG_DATA(header), &cut, sizeof cut);
    }
}

/* Writes this viewer's numbers and encrypts; answers the packets that could not be, a bit for each place. */
static uint64_t seal(const struct burst *burst, const struct screen *to, protect_fn protect, uint8_t *slab) {
    uint64_t failed = 0;
    for (uint32_t i = 0; i < burst->place_count; i++) {
        const struct place *one = &burst->places[i];
        uint8_t *packet = slab + one->at;
        int length = (int)one->length;
        put16(packet + 2, (uint16_t)(one->sequence + to->sequence));
        put32(packet + 4, one->timestamp + to->timestamp);
        put32(packet + 8, to->ssrc);
        if (one->picture_at && (to->picture || to->base)) {
            uint16_t number = (uint16_t)(one->picture + to->picture);
            if (one->wide)
                put16(slab + one->picture_at, 0x8000 | (number & 0x7fff));
            else
                slab[one->picture_at] = number & 0x7f;
            if (one->base_at)
                slab[one->base_at] = (uint8_t)(one->base + to->base);
        }
        if (protect((void *)(uintptr_t)to->session, packet, &length) != 0)
            failed |= 1ull << i;
    }
    return failed;
}

/* Answers 0, or -1 when the burst is not sound; then nothing was sent. */
int send_burst(int fd, protect_fn protect, const struct burst *burst, const struct screen *screens, uint32_t count,
               int stamped, uint32_t stamp, uint8_t *slab, uint32_t slab_size, struct outcome *outcome) {
    struct outgoing out;
    uint32_t used = 0;
    memset(outcome, 0, sizeof *outcome);
    if (!is_sound(burst, slab_size, stamped))
        return -1;
    out.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t most = burst->part_count > burst->place_count ? burst->part_count : burst->place_count;
        if (used + burst->size > slab_size || out.count + most > MOST_MESSAGES) {
            flush(fd, &out, outcome);
            used = 0;
        }
        uint8_t *own = slab + used;
        memcpy(own, burst->data, burst->size);
        if (stamped)
            for (uint32_t j = 0; j < burst->place_count; j++) {
                uint8_t *at = own + burst->places[j].at + SEND_TIME_AT;
                at[0] = stamp >> 16 & 0xff;
                put16(at + 1, stamp & 0xffff);
            }
        uint64_t failed = seal(burst, &screens[i], protect, own);
        if (!failed)
            for (uint32_t j = 0; j < burst->part_count; j++) {
                const struct part *part = &burst->parts[j];
                add(&out, &screens[i], own + part->at, part->length, part->segment);
            }
        else
            for (uint32_t j = 0; j < burst->place_count; j++) {
                const struct place *one = &burst->places[j];
                if (failed >> j & 1)
                    outcome->unsealed++;
                else
                    add(&out, &screens[i], own + one->at, one->length + burst->tag, 0);
            }
        used += burst->size;
    }
    flush(fd, &out, outcome);
    return 0;
}
