//! Which test holds which rule of libzmq's sockets: those of all types, then those of each. A rule that this
//! library keeps otherwise, on purpose, says so.

use std::fs;
use std::path::Path;

/// The rule, the file of its test, and the test.
const TABLE: &[(&str, &str, &str)] = &[
    // ── all types ────────────────────────────────────────────────────────────────────────────────────────
    (
        "high-water marks count whole messages of each peer; zero is no limit",
        "tests/rules/pipeline.rs",
        "send_hwm_counts_whole_messages_and_zero_is_no_limit",
    ),
    (
        "a full queue has room again at half of its mark",
        "tests/rules/pipeline.rs",
        "a_full_queue_has_room_again_at_low_water_and_not_before",
    ),
    (
        "over tcp the marks of both sides count, and the systems' buffers",
        "tests/rules/pipeline.rs",
        "marks_of_both_sides_bound_what_a_silent_receiver_holds",
    ),
    (
        "over inproc the mark is the sum of both, and none if one is zero",
        "tests/rules/pipeline.rs",
        "inproc_adds_both_marks_and_either_zero_is_no_limit",
    ),
    (
        "marks change for peers that are there",
        "tests/rules/live_options.rs",
        "the_senders_marks_change_for_peers_that_are_there",
    ),
    (
        "a mark lowered below what is queued drops nothing",
        "tests/rules/live_options.rs",
        "a_sender_whose_lowered_mark_fills_its_queue_has_room_once_that_is_received",
    ),
    (
        "load balance: round robin",
        "tests/rules/pipeline.rs",
        "push_gives_each_peer_its_turn",
    ),
    (
        "load balance: over the peers that are not full",
        "tests/rules/pipeline.rs",
        "push_leaves_out_a_peer_without_room",
    ),
    (
        "load balance: all frames of a message go to one peer; a peer lost in the middle gets none of it \
         (otherwise here: the message goes whole to the next connection, and no frame is dropped)",
        "tests/rules/pipeline.rs",
        "a_message_cut_in_the_middle_is_sent_whole_to_the_next_connection",
    ),
    (
        "fair queue: round robin over the peers that have something",
        "tests/rules/pipeline.rs",
        "pull_lets_no_fast_peer_starve_a_slow_one",
    ),
    (
        "fair queue: frames of two messages are never mixed",
        "tests/rules/pipeline.rs",
        "pull_never_mixes_the_frames_of_two_peers",
    ),
    (
        "fan-out: a full subscriber loses whole messages, never frames",
        "tests/rules/pub_sub.rs",
        "pub_drops_whole_messages_and_counts_them",
    ),
    (
        "fan-out: a full subscriber slows no other",
        "tests/rules/pub_sub.rs",
        "a_slow_subscriber_slows_nobody",
    ),
    (
        "no_drop: all or nothing, as the slowest",
        "tests/rules/pub_sub.rs",
        "no_drop_waits_for_the_slowest",
    ),
    (
        "no_drop: none of the matching peers gets it, if one is full",
        "src/pattern/xpub.rs",
        "no_drop_is_all_or_nothing",
    ),
    (
        "PUB, XPUB, XSUB, RADIO and ROUTER without mandatory are always writable",
        "tests/rules/poller.rs",
        "a_socket_that_never_waits_is_always_writable",
    ),
    (
        "a receiver gets all frames of a message or none",
        "tests/rules/pipeline.rs",
        "pull_gets_nothing_of_a_message_that_was_cut",
    ),
    (
        "connect queues before there is a connection",
        "tests/rules/dealer.rs",
        "dealer_keeps_what_it_queued_for_a_peer_that_is_not_there_yet",
    ),
    (
        "bind queues for a peer only when its handshake is complete",
        "tests/rules/pipeline.rs",
        "a_bound_push_queues_for_no_peer_whose_handshake_is_not_complete",
    ),
    (
        "immediate: connect, too",
        "tests/rules/pipeline.rs",
        "immediate_queues_for_nobody_who_is_not_there",
    ),
    (
        "a second connect to the same endpoint is ignored: DEALER",
        "tests/rules/dealer.rs",
        "dealer_ignores_a_second_connect_to_the_same_endpoint",
    ),
    (
        "a second connect to the same endpoint is ignored: SUB, PUB",
        "tests/rules/pub_sub.rs",
        "a_second_connect_to_the_same_endpoint_is_ignored",
    ),
    (
        "a second connect to the same endpoint is ignored: REQ",
        "tests/rules/req_rep.rs",
        "a_second_connect_to_the_same_endpoint_is_ignored",
    ),
    (
        "a second connect to the same endpoint makes a second peer: PUSH",
        "tests/rules/pipeline.rs",
        "connecting_twice_makes_two_connections_for_push",
    ),
    (
        "a second connect to the same endpoint makes a second peer: XPUB, XSUB",
        "tests/rules/xpub.rs",
        "a_second_connect_of_an_xpub_or_xsub_to_the_same_endpoint_is_a_second_peer",
    ),
    (
        "a lost peer that was accepted takes its queue with it",
        "src/simulation/reconnects.rs",
        "an_accepted_peer_takes_with_it_what_was_queued_for_it_and_that_is_counted",
    ),
    (
        "a lost peer that connect named leaves its queue for the next connection",
        "tests/rules/pipeline.rs",
        "a_lost_connection_keeps_the_queue_of_the_side_that_connected",
    ),
    (
        "subscriptions are sent again on each new connection: SUB",
        "tests/rules/pub_sub.rs",
        "subscriptions_are_told_again_to_a_publisher_that_comes_back",
    ),
    (
        "subscriptions are sent again on each new connection: XSUB",
        "tests/rules/xsub.rs",
        "an_xsub_subscribes_anew_on_every_connection",
    ),
    (
        "groups are joined again on each new connection: DISH",
        "tests/rules/radio_dish.rs",
        "a_dish_joins_its_groups_again_over_each_new_connection",
    ),
    (
        "after a fault of the peer's, libzmq never connects again and says nothing (otherwise here: \
         less and less often, and the monitor is told)",
        "tests/rules/refusal.rs",
        "a_peer_that_fails_behind_its_handshake_is_tried_less_and_less_often",
    ),
    (
        "order: what one peer sends comes in its order",
        "src/simulation/fairness.rs",
        "what_one_sends_another_receives_in_its_order",
    ),
    // ── REQ and REP ──────────────────────────────────────────────────────────────────────────────────────
    (
        "REQ: send and receive in turn",
        "src/pattern/req.rs",
        "asks_and_hears_in_strict_alternation",
    ),
    (
        "REQ: an empty frame before each request, and one expected before the reply",
        "src/pattern/req.rs",
        "only_the_peer_that_was_asked_may_answer_and_only_in_shape",
    ),
    (
        "REQ: what came before a request is discarded with it",
        "tests/rules/req_rep.rs",
        "answers_that_nobody_waits_for_use_up_no_room",
    ),
    (
        "REQ: requests go to its peers in turn",
        "tests/rules/req_rep.rs",
        "req_asks_its_peers_in_turn",
    ),
    (
        "REQ: a lost peer leaves libzmq's waiting for ever (otherwise here: it is told, once)",
        "tests/rules/req_rep.rs",
        "a_waiting_req_hears_that_its_peer_is_gone_and_may_ask_again",
    ),
    (
        "REQ: a malformed reply is not the reply (libzmq ends the connection)",
        "tests/rules/req_rep.rs",
        "a_peer_that_goes_after_mere_noise_is_gone",
    ),
    (
        "correlate: only the reply with the request's number counts",
        "src/pattern/req.rs",
        "a_numbered_request_takes_only_its_own_answer",
    ),
    (
        "relaxed: a second request may be sent, and the first is forgotten",
        "tests/rules/req_rep.rs",
        "relaxed_asks_again_and_correlate_takes_only_the_last_answer",
    ),
    (
        "REP: receive and send in turn",
        "tests/rules/req_rep.rs",
        "rep_takes_turns_too",
    ),
    (
        "REP: the frames up to the first empty one go back before the reply",
        "tests/rules/req_rep.rs",
        "an_envelope_of_any_length_comes_back_as_it_was",
    ),
    (
        "REP: a request without an empty frame is discarded",
        "tests/rules/req_rep.rs",
        "a_request_without_a_delimiter_is_discarded",
    ),
    (
        "REP: a reply to a peer that has gone is dropped, and send succeeds",
        "tests/rules/req_rep.rs",
        "a_reply_to_a_peer_that_is_gone_is_dropped_silently_and_counted",
    ),
    (
        "REP: a reply to a full peer is dropped",
        "src/pattern/rep.rs",
        "an_answer_to_a_full_peer_is_dropped",
    ),
    // ── DEALER and ROUTER ────────────────────────────────────────────────────────────────────────────────
    (
        "DEALER: no envelope is added or taken off",
        "tests/rules/dealer.rs",
        "dealer_passes_multipart_messages_unchanged",
    ),
    (
        "DEALER: to talk to a REP it sends the empty frame itself",
        "tests/rules/dealer.rs",
        "dealer_asks_several_reps_at_once_behind_a_delimiter_of_its_own",
    ),
    (
        "ROUTER: an id that it makes up is a zero byte and a number",
        "tests/rules/router.rs",
        "router_makes_up_an_id_of_a_zero_byte_and_a_number_for_a_peer_without_one",
    ),
    (
        "ROUTER: the numbers count from a random start",
        "tests/rules/router.rs",
        "router_counts_made_up_ids_from_a_random_start",
    ),
    (
        "ROUTER: a peer's own id has up to 255 bytes and does not begin with zero (libzmq does not check)",
        "src/zmtp/connection/handshake.rs",
        "identity_goes_out_and_comes_in_where_it_may",
    ),
    (
        "ROUTER: what cannot be routed is dropped",
        "tests/rules/router.rs",
        "router_drops_and_counts_what_it_cannot_route",
    ),
    (
        "mandatory: an unknown peer is an error",
        "tests/rules/router.rs",
        "router_mandatory_tells_that_a_peer_is_unknown_and_gives_the_message_back",
    ),
    (
        "mandatory: a full peer is waited for, and others are sent to",
        "tests/rules/router.rs",
        "router_mandatory_waits_for_a_full_peer_and_sends_to_the_others",
    ),
    (
        "a second peer of an id leaves libzmq's connection open and deaf (otherwise here: refused and told)",
        "tests/rules/router.rs",
        "router_refuses_a_second_peer_with_the_same_id_and_says_so",
    ),
    (
        "handover: the second peer of an id takes the first one's place, whose messages are not lost",
        "tests/rules/router.rs",
        "router_with_handover_has_the_new_peer_take_over_and_keeps_what_the_old_one_sent",
    ),
    (
        "a connecting ROUTER ignores the new id of a peer that comes back (otherwise here: it takes it)",
        "tests/rules/router.rs",
        "a_connecting_router_takes_the_new_id_of_a_peer_that_comes_back_with_one",
    ),
    (
        "connect_routing_id: for one connect",
        "tests/rules/router.rs",
        "router_gives_the_peer_of_a_connect_the_id_that_the_user_chose",
    ),
    (
        "connect_routing_id: not empty, and a second one of it ends libzmq's process (otherwise here: an error)",
        "tests/rules/router.rs",
        "an_id_that_is_taken_or_invalid_is_an_error_and_makes_no_connection",
    ),
    (
        "probe_router: an empty message to each new peer",
        "tests/rules/router.rs",
        "a_probe_makes_a_peer_known_before_it_says_anything",
    ),
    (
        "router_notify (otherwise here: a disconnect message, and the monitor)",
        "tests/rules/greetings.rs",
        "a_router_is_told_when_a_peer_that_called_has_gone_behind_what_it_sent",
    ),
    // ── STREAM ───────────────────────────────────────────────────────────────────────────────────────────
    (
        "STREAM: an id and nothing when a peer comes or goes",
        "tests/rules/stream.rs",
        "a_stream_peer_that_comes_or_goes_is_told_by_its_id_and_nothing",
    ),
    (
        "STREAM: without notify, bytes alone",
        "tests/rules/stream.rs",
        "without_stream_notify_only_bytes_are_received",
    ),
    (
        "STREAM: to send an id and nothing ends the connection",
        "tests/rules/stream.rs",
        "an_id_and_nothing_ends_the_connection_when_all_is_sent",
    ),
    (
        "STREAM: the id of a peer that connect named is known",
        "tests/rules/stream.rs",
        "a_stream_connects_to_servers_of_any_protocol_and_knows_their_ids",
    ),
    (
        "STREAM: no handshake, and no time-out of one",
        "tests/rules/stream.rs",
        "a_stream_peer_that_says_nothing_is_not_one_that_is_in_its_handshake",
    ),
    (
        "STREAM: an unknown id is an error",
        "tests/rules/stream.rs",
        "a_message_for_nobody_is_given_back",
    ),
    (
        "STREAM: a full peer is waited for",
        "tests/rules/stream.rs",
        "a_full_stream_peer_is_waited_for_and_one_that_goes_meanwhile_is_told",
    ),
    // ── PUB, SUB, XPUB, XSUB ─────────────────────────────────────────────────────────────────────────────
    (
        "a topic matches the beginning of the first frame alone",
        "src/pattern/xpub.rs",
        "only_the_first_frame_is_matched",
    ),
    (
        "the empty topic matches everything",
        "src/pattern/parts/trie.rs",
        "the_empty_topic_matches_everything",
    ),
    (
        "SUB: filters again",
        "tests/rules/pub_sub.rs",
        "what_was_not_subscribed_to_never_reaches_the_application",
    ),
    (
        "XPUB: the first subscription to a topic and the end of the last",
        "tests/rules/xpub.rs",
        "the_first_subscription_to_a_topic_and_the_end_of_the_last_are_received",
    ),
    (
        "XPUB: in the same form from peers of ZMTP 3.0",
        "tests/rules/xpub.rs",
        "subscriptions_of_zmtp_3_0_peers_are_received_in_the_same_form",
    ),
    (
        "verbose and verboser",
        "tests/rules/xpub.rs",
        "verbose_receives_every_subscription_and_verboser_every_end",
    ),
    (
        "XPUB: a lost peer ends each of its topics",
        "tests/rules/xpub.rs",
        "a_peer_that_is_lost_ends_each_of_its_topics",
    ),
    (
        "XPUB: other messages of peers are received",
        "tests/rules/xpub.rs",
        "an_xpub_receives_what_an_xsub_sends",
    ),
    (
        "PUB: other messages of peers are discarded",
        "src/pattern/xpub.rs",
        "messages_that_mean_subscriptions_are_applied_and_others_discarded",
    ),
    (
        "manual: the application answers the peer of the message it received last",
        "tests/rules/xpub.rs",
        "by_hand_the_peer_of_the_last_message_is_subscribed_to_what_the_application_says",
    ),
    (
        "manual last value: the first message after the answer is for that peer alone",
        "tests/rules/xpub.rs",
        "a_last_value_goes_to_the_new_subscriber_alone",
    ),
    (
        "welcome message: to each peer, and for those that subscribed to it",
        "tests/rules/xpub.rs",
        "a_welcome_message_comes_before_anything_else_to_who_subscribed_to_it",
    ),
    (
        "only first subscribe (otherwise here: a message of several frames never subscribes)",
        "tests/rules/xpub.rs",
        "a_message_of_several_frames_is_never_a_subscription",
    ),
    (
        "invert matching: at both ends",
        "tests/rules/xpub.rs",
        "inverted_matching_sends_what_nobody_asked_for",
    ),
    (
        "SUB, XSUB: repeated subscriptions go upstream, and the last cancellation alone",
        "src/pattern/xsub.rs",
        "duplicates_go_upstream_and_only_the_last_cancellation_does",
    ),
    (
        "SUB: a topic subscribed twice is taken back twice",
        "tests/rules/pub_sub.rs",
        "a_topic_subscribed_twice_takes_two_to_take_back",
    ),
    (
        "XSUB: with verbose_unsubscribe every cancellation goes upstream",
        "tests/rules/xsub.rs",
        "verbosely_every_cancellation_is_sent",
    ),
    (
        "XSUB: a message for a publisher that is full is dropped",
        "tests/rules/xsub.rs",
        "an_xsub_drops_for_a_publisher_that_is_full_and_never_waits",
    ),
    (
        "SUB, XSUB: subscriptions are not waited for at the end",
        "tests/rules/closing.rs",
        "subscribers_and_receivers_close_at_once",
    ),
    (
        "topics count",
        "src/pattern/xsub.rs",
        "filters_like_a_list_of_topics",
    ),
    // ── PAIR, CHANNEL ────────────────────────────────────────────────────────────────────────────────────
    (
        "PAIR: a second peer is sent away",
        "tests/rules/pair.rs",
        "pair_refuses_a_second_peer_and_says_so",
    ),
    (
        "PAIR: may have another peer after the first, which libzmq's does not always (otherwise here: always)",
        "tests/rules/pair.rs",
        "pair_takes_the_peer_that_it_refused_once_the_first_has_gone",
    ),
    (
        "CHANNEL: the same",
        "tests/rules/single.rs",
        "channel_has_one_peer_and_refuses_a_second",
    ),
    // ── hello, disconnect and hiccup messages; what TCP is told ──────────────────────────────────────────
    (
        "hello message: first on each new connection",
        "tests/rules/greetings.rs",
        "a_hello_goes_before_all_other_messages_to_each_peer_from_both_sides",
    ),
    (
        "disconnect message: when an accepted peer that had finished its handshake goes",
        "tests/rules/greetings.rs",
        "a_server_is_told_by_the_number_of_the_peer",
    ),
    (
        "disconnect message: not of one that had not",
        "tests/rules/greetings.rs",
        "a_peer_that_did_not_finish_its_handshake_was_never_there",
    ),
    (
        "hiccup message: when the connecting side loses its peer",
        "tests/rules/greetings.rs",
        "a_dealer_is_told_when_the_peer_that_it_called_is_lost",
    ),
    (
        "packet priority",
        "tests/rules/networks.rs",
        "a_connection_with_all_that_tcp_can_be_told_carries_messages",
    ),
    // ── the single-frame family ──────────────────────────────────────────────────────────────────────────
    (
        "RADIO, DISH: a group matches whole",
        "tests/rules/radio_dish.rs",
        "a_group_is_matched_whole_and_not_by_a_prefix",
    ),
    (
        "RADIO, DISH: a group has up to 255 bytes",
        "tests/rules/radio_dish.rs",
        "a_group_has_at_most_255_bytes",
    ),
    (
        "DISH: to join twice and to leave what was not joined are errors",
        "tests/rules/radio_dish.rs",
        "joining_twice_and_leaving_what_was_not_joined_are_errors",
    ),
    (
        "RADIO: drops for a full DISH",
        "tests/rules/radio_dish.rs",
        "a_full_dish_loses_messages_and_the_others_do_not",
    ),
    (
        "RADIO: no_drop",
        "tests/rules/radio_dish.rs",
        "with_no_drop_a_full_dish_is_waited_for_by_its_group_alone",
    ),
    (
        "RADIO connects and DISH binds udp",
        "tests/rules/udp.rs",
        "each_type_has_the_verbs_that_make_sense",
    ),
    (
        "RADIO, DISH: a datagram is the length of the group, the group and the body",
        "tests/rules/udp.rs",
        "a_radio_can_send_as_soon_as_it_has_connected_although_nobody_is_there",
    ),
    (
        "udp: at most 8192 bytes (otherwise here: more is refused, and a setting)",
        "tests/rules/udp.rs",
        "a_message_that_fits_in_no_datagram_comes_back_to_its_sender",
    ),
    (
        "udp: no security (otherwise here: sockets with a mechanism refuse it)",
        "tests/rules/udp.rs",
        "a_socket_with_a_mechanism_does_not_use_udp",
    ),
    (
        "DGRAM: two frames exactly, of which the first is the address",
        "tests/rules/udp.rs",
        "what_is_no_address_and_a_body_comes_back_to_its_sender",
    ),
    (
        "DGRAM: binds (otherwise here: connects too, and IPv6)",
        "tests/rules/udp.rs",
        "a_dgram_that_connected_sends_there_without_an_address_and_elsewhere_with_one",
    ),
    (
        "single frames: more are refused",
        "tests/rules/single.rs",
        "a_message_of_several_frames_is_refused_by_all_that_send_single_ones",
    ),
    (
        "single frames: more that come are discarded whole",
        "tests/rules/single.rs",
        "a_message_of_several_frames_that_comes_is_discarded_whole",
    ),
    (
        "SERVER, PEER: a peer's number is not zero, and the server's choice",
        "tests/rules/single.rs",
        "server_answers_each_client_by_the_number_of_its_message",
    ),
    (
        "SERVER, PEER: a peer that comes back has another number",
        "tests/rules/single.rs",
        "a_client_that_comes_back_has_another_number",
    ),
    (
        "SERVER: an unknown number is an error",
        "tests/rules/single.rs",
        "server_gives_back_what_is_for_nobody",
    ),
    (
        "SERVER: a full peer is waited for",
        "tests/rules/single.rs",
        "server_waits_for_a_full_client",
    ),
    (
        "PEER: the number of what connect named is known",
        "tests/rules/single.rs",
        "peer_knows_by_its_number_whom_it_connects_to",
    ),
    (
        "CLIENT: round robin over its servers, waits without one",
        "tests/rules/single.rs",
        "client_waits_without_a_server_and_takes_turns_among_several",
    ),
    (
        "SCATTER: round robin; GATHER: fair",
        "tests/rules/single.rs",
        "scatter_deals_out_in_turn_and_gather_hears_all",
    ),
    // ── conflate; udp ────────────────────────────────────────────────────────────────────────────────────
    (
        "conflate: the last message alone, of libzmq's the last frame (otherwise here: whole messages)",
        "tests/rules/conflate.rs",
        "a_receiver_that_is_behind_gets_the_last_message_of_its_peer_whole",
    ),
    (
        "conflate: of DEALER, PULL, PUSH, PUB and SUB",
        "tests/rules/conflate.rs",
        "only_types_whose_messages_stand_for_themselves_conflate",
    ),
    (
        "conflate: set before the first peer",
        "tests/rules/conflate.rs",
        "an_open_socket_keeps_its_rule",
    ),
    (
        "RADIO, DISH over udp: RADIO connects, DISH binds",
        "tests/rules/udp.rs",
        "a_dish_receives_the_groups_that_it_is_in",
    ),
    (
        "DGRAM: an address and a body, nothing else",
        "tests/rules/udp.rs",
        "what_is_no_address_and_a_body_comes_back_to_its_sender",
    ),
    (
        "DGRAM: what is received has the address that it came from",
        "tests/rules/udp.rs",
        "a_dgram_answers_to_the_address_that_a_datagram_came_from",
    ),
];

#[test]
fn each_rule_has_a_test_of_the_name_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (rule, file, test) in TABLE {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let named = text.contains(&format!("fn {test}("));
        assert!(named, "{rule}: no {test} in {file}");
    }
}
