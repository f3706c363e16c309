/// The state of a stream as tensors of a file, so that it goes on elsewhere.
/// crosses: it keeps what search/stream.hpp has, as io/model_file.hpp keeps a model.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/io/checksum.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/tensor_file.hpp>
#include <attend/search/stream.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Which weights a state belongs to.
template <class Layer, class D>
[[nodiscard]] std::string weights_of(const Stream<Layer, D>& stream) {
  TensorFile weights;
  store_parameters(weights, "encoder", stream.encoder());
  store_parameters(weights, "decoder", stream.decoder());
  return checksum(weights);
}

/// Calls `f` with every count, in fixed order.
template <class F, class Counts>
void for_each_count(F&& f, Counts& c) {
  f(c.pending);
  f(c.held);
  f(c.arrived);
  f(c.steps);
  f(c.next.begin);
  f(c.next.end);
  f(c.heard);
  f(c.last);
  f(c.finished);
  f(c.done);
}

inline void check_note(const TensorFile& file, const char* note, const std::string& expected) {
  const std::string& found = file.note(note);
  if (found == expected) return;
  throw FormatError(message(file.source, ": it is the state of a stream whose ", note, " is '",
                            found, "', this one's is '", expected,
                            "'; go on with the model and the options that it was saved with"));
}

/// A tensor of whole numbers, of that shape (-1: any size).
[[nodiscard]] inline std::vector<std::int64_t> whole_numbers(const TensorFile& file,
                                                             const char* name,
                                                             const std::vector<Index>& shape) {
  const Tensor& tensor = file.at(name);
  bool fits = tensor.dtype == "I64" && tensor.shape.size() == shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = shape[i] == -1 || tensor.shape[i] == shape[i];
  }
  if (!fits) {
    throw FormatError(message(file.source, ": tensor '", name, "' has type ", tensor.dtype,
                              " and shape ", shape_text(tensor.shape), ", expected I64 and ",
                              shape_text(shape)));
  }
  return elements<std::int64_t>(tensor);
}

}  // namespace detail

/// Adds the state of a stream to the file: "state...", "counts" and "known", with notes of the
/// weights and the options that it belongs to. Its size does not depend on how long the stream has
/// run. Reads all weights of the model once, for their checksum.
template <class Layer, class D>
void store_stream(TensorFile& file, const Stream<Layer, D>& stream) {
  const auto snapshot = stream.snapshot();
  file.metadata["attend"] = "stream state";
  file.metadata["stream"] = stream.description();
  file.metadata["weights"] = detail::weights_of(stream);
  store_parameters(file, "state", snapshot);
  std::vector<std::int64_t> counts;
  detail::for_each_count([&](auto count) { counts.push_back(static_cast<std::int64_t>(count)); },
                         snapshot.counts);
  file.insert("counts", make_tensor<std::int64_t>({std::ssize(counts)}, counts));
  std::vector<std::int64_t> known;
  for (const auto& [token, frames] : snapshot.known) known.insert(known.end(), {token, frames});
  file.insert("known", make_tensor<std::int64_t>({std::ssize(snapshot.known), 2}, known));
}

/// Makes a stream go on where the one that was stored stood, to the bit. Throws FormatError, and
/// leaves the stream as it was, for a state of other weights, options or sizes.
template <class Layer, class D>
void load_stream(const TensorFile& file, Stream<Layer, D>& stream) {
  detail::check_note(file, "attend", "stream state");
  detail::check_note(file, "stream", stream.description());
  auto snapshot = stream.snapshot();
  load_parameters(file, "state", snapshot);
  detail::check_note(file, "weights", detail::weights_of(stream));
  std::size_t i = 0;
  const auto counts = detail::whole_numbers(file, "counts", {10});
  detail::for_each_count(
      [&]<class Count>(Count& count) { count = static_cast<Count>(counts[i++]); }, snapshot.counts);
  const auto known = detail::whole_numbers(file, "known", {-1, 2});
  snapshot.known.clear();
  for (i = 0; i < known.size(); i += 2) {
    snapshot.known.push_back({static_cast<Token>(known[i]), static_cast<Index>(known[i + 1])});
  }
  try {
    stream.restore(snapshot);
  } catch (const std::invalid_argument& error) {
    throw FormatError(detail::message(file.source, ": the state is damaged: ", error.what()));
  }
}

}  // namespace attend
