/// All of attend, floor by floor. Written by scripts/umbrella.
#pragma once

// core
#include <attend/core/abi.hpp>
#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/initialize.hpp>
#include <attend/core/parameters.hpp>
#include <attend/core/ragged.hpp>
#include <attend/core/random.hpp>
#include <attend/core/types.hpp>
#include <attend/core/utf8.hpp>

// kernel
#include <attend/kernel/additive_energy.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/finite_columns.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/product.hpp>
#include <attend/kernel/softmax.hpp>
#include <attend/kernel/softmax_rows.hpp>
#include <attend/kernel/transposed_panels.hpp>
#include <attend/kernel/weighted_sum.hpp>

// layer
#include <attend/layer/dense.hpp>
#include <attend/layer/dropout.hpp>
#include <attend/layer/embedding.hpp>
#include <attend/layer/projection.hpp>

// cell
#include <attend/cell/any_cell.hpp>
#include <attend/cell/cell.hpp>
#include <attend/cell/elman.hpp>
#include <attend/cell/gru.hpp>
#include <attend/cell/lstm.hpp>

// score
#include <attend/score/additive.hpp>
#include <attend/score/any_score.hpp>
#include <attend/score/concat.hpp>
#include <attend/score/cosine.hpp>
#include <attend/score/dot.hpp>
#include <attend/score/energy_tile.hpp>
#include <attend/score/general.hpp>
#include <attend/score/location_sensitive.hpp>
#include <attend/score/normalised_additive.hpp>
#include <attend/score/past.hpp>
#include <attend/score/scaled.hpp>
#include <attend/score/score.hpp>

// attention
#include <attend/attention/alignment.hpp>
#include <attend/attention/attention.hpp>
#include <attend/attention/few_queries.hpp>
#include <attend/attention/hard.hpp>
#include <attend/attention/local_predictive.hpp>
#include <attend/attention/many_queries.hpp>
#include <attend/attention/memory.hpp>
#include <attend/attention/memory_addressing.hpp>
#include <attend/attention/monotonic.hpp>
#include <attend/attention/monotonic_reader.hpp>
#include <attend/attention/queries.hpp>
#include <attend/attention/sampled.hpp>
#include <attend/attention/sharpened.hpp>
#include <attend/attention/sight.hpp>
#include <attend/attention/smoothed.hpp>
#include <attend/attention/sparsemax.hpp>
#include <attend/attention/whole_columns.hpp>
#include <attend/attention/window.hpp>
#include <attend/attention/workspace.hpp>

// encoder
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/recurrent.hpp>
#include <attend/encoder/stacked.hpp>
#include <attend/encoder/text_encoder.hpp>

// decoder
#include <attend/decoder/bahdanau.hpp>
#include <attend/decoder/bridge.hpp>
#include <attend/decoder/conditional.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/decoder/decoder_attention.hpp>
#include <attend/decoder/decoder_cell.hpp>
#include <attend/decoder/decoder_order.hpp>
#include <attend/decoder/luong.hpp>
#include <attend/decoder/plain.hpp>
#include <attend/decoder/readout.hpp>
#include <attend/decoder/recurrent_decoder.hpp>
#include <attend/decoder/recurrent_memory.hpp>
#include <attend/decoder/recurrent_state.hpp>
#include <attend/decoder/word_output.hpp>

// loss
#include <attend/loss/cross_entropy.hpp>
#include <attend/loss/loss.hpp>

// model
#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/model/seq2seq.hpp>
#include <attend/model/tagger.hpp>
#include <attend/model/trainable.hpp>

// train
#include <attend/train/adam.hpp>
#include <attend/train/batches.hpp>
#include <attend/train/chunks.hpp>
#include <attend/train/clip.hpp>
#include <attend/train/fields.hpp>
#include <attend/train/optimizer.hpp>
#include <attend/train/parallel.hpp>
#include <attend/train/schedule.hpp>
#include <attend/train/sgd.hpp>
#include <attend/train/shard.hpp>
#include <attend/train/shard_gradients.hpp>
#include <attend/train/stopwatch.hpp>
#include <attend/train/trainer.hpp>
#include <attend/train/trainer_options.hpp>
#include <attend/train/training_events.hpp>
#include <attend/train/training_state.hpp>

// search
#include <attend/search/beam.hpp>
#include <attend/search/beam_search.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/greedy.hpp>
#include <attend/search/hypothesis.hpp>
#include <attend/search/length.hpp>
#include <attend/search/log_normaliser.hpp>
#include <attend/search/path.hpp>
#include <attend/search/roll_out.hpp>
#include <attend/search/sampling.hpp>
#include <attend/search/top_candidates.hpp>
#include <attend/search/trace.hpp>

// io
#include <attend/io/atomic_file.hpp>
#include <attend/io/bytes.hpp>
#include <attend/io/export_parameters.hpp>
#include <attend/io/import_parameters.hpp>
#include <attend/io/import_plan.hpp>
#include <attend/io/import_table.hpp>
#include <attend/io/keras.hpp>
#include <attend/io/mapped_file.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/npy.hpp>
#include <attend/io/onnx.hpp>
#include <attend/io/pytorch.hpp>
#include <attend/io/tensor_file.hpp>
#include <attend/io/weights.hpp>

// text
#include <attend/text/bleu.hpp>
#include <attend/text/bleu_statistics.hpp>
#include <attend/text/corpus.hpp>
#include <attend/text/edit_distance.hpp>
#include <attend/text/tokenize.hpp>
#include <attend/text/vocabulary.hpp>

// view
#include <attend/view/chart.hpp>
#include <attend/view/chart_axis.hpp>
#include <attend/view/colour.hpp>
#include <attend/view/heat_map.hpp>
#include <attend/view/moses.hpp>
#include <attend/view/svg.hpp>
#include <attend/view/visible_text.hpp>
#include <attend/view/word_alignment.hpp>
#include <attend/view/xml.hpp>

// testing
#include <attend/testing/gradient_check.hpp>
