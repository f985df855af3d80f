"""What the processes measure of themselves, served at /metrics in Prometheus' format. Times are in seconds."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.12, 0.25, 0.5, 1, 2, 5)

APPEND_SECONDS = Histogram("telehealth_append_seconds", "From asking for an append to its answer.", buckets=_FAST)
BATCH_SIZE = Histogram(
    "telehealth_append_batch_commands", "Commands in one commit.", buckets=(1, 2, 4, 8, 16, 32, 64, 96)
)
VIEW_POSITION = Gauge("telehealth_view_position", "Last position that is in the view.", ["view"])
PARKED = Gauge("telehealth_parked_streams", "Streams whose events a view could not take in and keeps aside.", ["view"])
SUBSCRIPTIONS = Gauge("telehealth_open_subscriptions", "Subscriptions that are open now.", ["field"])
DUPLICATES = Counter("telehealth_duplicates", "Messages that arrived again and were passed over.")
HEALED = Counter("telehealth_healed_events", "Events that Kafka did not deliver and that were read from the log.")
MALFORMED = Counter("telehealth_malformed_messages", "Messages on our topics that are not the relay's.")
REACTIONS = Counter("telehealth_reactions", "Commands that the system sent by itself, by their outcome.", ["outcome"])
CHECKPOINT_SIZE = Gauge("telehealth_checkpoint_size", "Events that the last signed checkpoint covers.")
CHECKPOINT_TIME = Gauge("telehealth_checkpoint_time_seconds", "When the last checkpoint was signed, since 1970.")
UNSIGNED_SECONDS = Gauge("telehealth_unsigned_seconds", "How long the oldest event without a checkpoint has waited.")
PATROL_POSITION = Gauge(
    "telehealth_patrol_position", "How far the log was read again and compared with what was signed."
)
PATROL_FOUND = Gauge("telehealth_patrol_found", "The first event that is not what was signed; 0 when there is none.")
COSIGNED_SIZE = Gauge("telehealth_cosigned_size", "Events that the last cosigned checkpoint covers.")
WITNESS_REFUSALS = Counter("telehealth_witness_refusals", "Checkpoints that a witness refused to cosign.", ["reason"])
RECORDINGS = Gauge("telehealth_recordings", "Recordings that run now.")
RECORDING_SILENT = Gauge("telehealth_recordings_silent", "Running recordings into which nothing has come for 10 s.")
RECORDER_BEHIND = Gauge("telehealth_recorder_behind_bytes", "Sealed bytes that wait for the disk.")
RECORDER_DROPPED = Counter("telehealth_recorder_dropped_packets", "Packets that the recorder did not take in time.")
RECORDINGS_FAILED = Counter("telehealth_recordings_failed", "Recordings that did not come to a good end.", ["cause"])
MEDIA_ROOMS = Gauge("telehealth_media_rooms", "Live sessions that this worker carries.")
MEDIA_PEERS = Gauge("telehealth_media_peers", "Connections of this worker.", ["role"])
MEDIA_PACKETS_SENT = Gauge("telehealth_media_packets_sent", "RTP packets sent to viewers since the start.")
MEDIA_OCTETS_SENT = Gauge("telehealth_media_octets_sent", "Bytes of media sent to viewers since the start.")
MEDIA_DROPPED = Gauge("telehealth_media_dropped", "Datagrams not taken or not sent since the start.", ["reason"])
MEDIA_LAG_SECONDS = Gauge("telehealth_media_lag_seconds", "How late the worker's clock came lately, at worst.")
MEDIA_TURNED_AWAY = Gauge("telehealth_media_turned_away", "Joins that were told to come again, since the start.")
MEDIA_LOAD = Gauge("telehealth_media_load", "Packets a second of this worker, as a share of what it can carry.")
MEDIA_EDGES = Gauge("telehealth_media_edges", "Rooms of other workers that are fed from here.")
MEDIA_HELD = Gauge("telehealth_media_held_in_pipes", "Packets that this worker, as an edge, was too slow to be given.")
MEDIA_WORKERS_LOST = Counter("telehealth_media_workers_lost", "Runs of workers that this one found lost.")
MEDIA_TRACK_KBIT = Gauge("telehealth_media_track_kbit", "What publishers send now, in kbit/s.", ["source"])
MEDIA_TRACK_LOSS = Gauge("telehealth_media_track_loss", "The worst publisher's loss of this second, 0..1.", ["source"])
