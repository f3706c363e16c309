/// The members of a zip archive, stored or deflated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>

#include <attend/core/error.hpp>
#include <attend/io/bytes.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

/// A file in an archive; the bytes as they lie there.
struct ZipMember {
  std::string name;
  Bytes packed = {};
  std::uint64_t size = 0;
  std::uint32_t checksum = 0;
  bool deflated = false;
};

namespace detail {

/// Numbers in the records of an archive, each checked against its end.
class ZipRecords {
 public:
  ZipRecords(const Bytes& file, const std::string& source) : file_(file), source_(source) {}

  [[noreturn]] void fail(std::string_view reason) const {
    throw FormatError(message(source_, ": ", reason));
  }
  template <class T>
  [[nodiscard]] std::uint64_t number(std::uint64_t place) const {
    if (place > file_.size() || file_.size() - place < sizeof(T)) {
      fail("the archive is cut off or damaged");
    }
    return from_little_endian<T>(file_.data() + place);
  }
  [[nodiscard]] std::uint64_t two(std::uint64_t place) const {
    return number<std::uint16_t>(place);
  }
  [[nodiscard]] std::uint64_t four(std::uint64_t place) const {
    return number<std::uint32_t>(place);
  }
  [[nodiscard]] std::uint64_t eight(std::uint64_t place) const {
    return number<std::uint64_t>(place);
  }
  [[nodiscard]] Bytes part(std::uint64_t first, std::uint64_t count) const {
    if (first > file_.size() || file_.size() - first < count) {
      fail("the archive is cut off or damaged");
    }
    return file_.part(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  }
  [[nodiscard]] std::uint64_t size() const { return file_.size(); }

 private:
  const Bytes& file_;
  const std::string& source_;
};

/// Where the list of members begins, and how many it has.
struct ZipDirectory {
  std::uint64_t place = 0;
  std::uint64_t members = 0;
};

[[nodiscard]] inline ZipDirectory find_zip_directory(const ZipRecords& file) {
  constexpr std::uint64_t end_size = 22;
  constexpr std::uint64_t longest_comment = 0xFFFF;
  if (file.size() < end_size) file.fail("not a zip archive: too short");
  const std::uint64_t last = file.size() - end_size;
  for (std::uint64_t back = 0; back <= std::min(last, longest_comment); ++back) {
    const std::uint64_t end = last - back;
    if (file.four(end) != 0x06054b50 || file.two(end + 20) != back) continue;
    ZipDirectory directory{file.four(end + 16), file.two(end + 10)};
    const bool large = directory.place == 0xFFFFFFFF || directory.members == 0xFFFF;
    if (large && end >= 20 && file.four(end - 20) == 0x07064b50) {
      const std::uint64_t record = file.eight(end - 20 + 8);
      if (file.four(record) != 0x06064b50) file.fail("the archive's directory is damaged");
      directory = {file.eight(record + 48), file.eight(record + 32)};
    }
    return directory;
  }
  file.fail("not a zip archive, or cut off: it has no directory");
}

/// One entry of the directory.
struct ZipEntry {
  std::uint64_t packed = 0;
  std::uint64_t size = 0;
  std::uint64_t place = 0;
};

/// Sizes that do not fit into four bytes stand in an extra field.
inline void read_zip64(const ZipRecords& file, std::uint64_t extra, std::uint64_t end,
                       ZipEntry& entry) {
  while (end - extra >= 4) {
    const std::uint64_t kind = file.two(extra);
    const std::uint64_t next = extra + 4 + file.two(extra + 2);
    if (next > end) file.fail("the archive's directory is damaged");
    std::uint64_t place = extra + 4;
    if (kind == 1) {
      for (std::uint64_t* value : {&entry.size, &entry.packed, &entry.place}) {
        if (*value != 0xFFFFFFFF) continue;
        if (place + 8 > next) file.fail("the archive's directory is damaged");
        *value = file.eight(place);
        place += 8;
      }
    }
    extra = next;
  }
}

[[nodiscard]] inline Bytes zip_member_bytes(const ZipRecords& file, const ZipEntry& entry) {
  if (file.four(entry.place) != 0x04034b50) file.fail("the archive's directory points nowhere");
  const std::uint64_t begin =
      entry.place + 30 + file.two(entry.place + 26) + file.two(entry.place + 28);
  return file.part(begin, entry.packed);
}

/// Throws unless the members lie apart: what overlaps is no archive that anybody wrote, and can
/// unpack to any size.
inline void check_zip_overlap(const ZipRecords& file, const std::vector<ZipMember>& members) {
  std::vector<std::pair<const char*, const char*>> spans;
  for (const ZipMember& m : members) {
    spans.emplace_back(m.packed.data(), m.packed.data() + m.packed.size());
  }
  std::sort(spans.begin(), spans.end());
  for (std::size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].first < spans[i - 1].second) file.fail("members of the archive overlap");
  }
}

}  // namespace detail

/// The members of an archive, checked against its size; nothing is unpacked. Throws FormatError for
/// what is no zip archive, is damaged, encrypted, or packed otherwise than stored or deflated.
[[nodiscard]] inline std::vector<ZipMember> zip_members(const Bytes& archive,
                                                        const std::string& source) {
  const detail::ZipRecords file(archive, source);
  const auto directory = detail::find_zip_directory(file);
  std::vector<ZipMember> members;
  std::uint64_t at = directory.place;
  for (std::uint64_t i = 0; i < directory.members; ++i) {
    if (file.four(at) != 0x02014b50) file.fail("the archive's directory is damaged");
    const std::uint64_t method = file.two(at + 10);
    const std::uint64_t name_size = file.two(at + 28);
    const std::uint64_t extra_size = file.two(at + 30);
    ZipMember member{.name = std::string(file.part(at + 46, name_size).view()),
                     .checksum = static_cast<std::uint32_t>(file.four(at + 16)),
                     .deflated = method == 8};
    if ((file.two(at + 8) & 1U) != 0) file.fail("'" + member.name + "' is encrypted");
    if (method != 0 && method != 8) {
      file.fail("'" + member.name + "' is packed in a way that is not known here");
    }
    detail::ZipEntry entry{file.four(at + 20), file.four(at + 24), file.four(at + 42)};
    const std::uint64_t extra = at + 46 + name_size;
    (void)file.part(extra, extra_size);
    detail::read_zip64(file, extra, extra + extra_size, entry);
    member.size = entry.size;
    member.packed = detail::zip_member_bytes(file, entry);
    members.push_back(std::move(member));
    at = extra + extra_size + file.two(at + 32);
  }
  detail::check_zip_overlap(file, members);
  return members;
}

namespace detail {

/// zlib's state of one unpacking.
class Inflation {
 public:
  explicit Inflation(std::string_view packed) {
    // zlib does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    left_ = packed.size();
    ready_ = inflateInit2(&stream_, -MAX_WBITS) == Z_OK;
  }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  ~Inflation() {
    if (ready_) inflateEnd(&stream_);
  }

  /// Unpacks all into `bytes`, at most `size`; the memory grows with what comes out. False for
  /// damaged data.
  [[nodiscard]] bool run(std::uint64_t size, std::string& bytes) {
    constexpr std::size_t piece = std::size_t{1} << 20U;
    int status = ready_ ? Z_OK : Z_MEM_ERROR;
    while (status == Z_OK) {
      const std::size_t before = bytes.size();
      // One byte more than announced, so that too much is seen.
      const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(piece, size + 1 - before));
      if (room == 0) return false;
      bytes.resize(before + room);
      feed();
      stream_.next_out = reinterpret_cast<Bytef*>(bytes.data() + before);
      stream_.avail_out = static_cast<uInt>(room);
      status = inflate(&stream_, Z_NO_FLUSH);
      bytes.resize(before + room - stream_.avail_out);
      if (status == Z_OK && stream_.avail_out == room) return false;
    }
    return status == Z_STREAM_END && stream_.avail_in == 0 && left_ == 0;
  }

 private:
  void feed() {
    if (stream_.avail_in > 0) return;
    const auto count = std::min<std::size_t>(left_, std::numeric_limits<uInt>::max());
    stream_.avail_in = static_cast<uInt>(count);
    left_ -= count;
  }

  z_stream stream_{};
  std::size_t left_ = 0;
  bool ready_ = false;
};

}  // namespace detail

/// A member's own bytes: as they lie in the archive where they are stored, else unpacked. Throws
/// FormatError unless they have the size and the checksum that the archive announces.
[[nodiscard]] inline Bytes unzip(const ZipMember& member, const std::string& source) {
  Bytes bytes = member.packed;
  bool whole = true;
  if (member.deflated) {
    std::string unpacked;
    whole = detail::Inflation(member.packed.view()).run(member.size, unpacked);
    bytes = std::move(unpacked);
  }
  const auto* first = reinterpret_cast<const Bytef*>(bytes.data());
  if (!whole || bytes.size() != member.size || crc32_z(0, first, bytes.size()) != member.checksum) {
    throw FormatError(detail::message(source, ": '", member.name, "' is damaged"));
  }
  return bytes;
}

}  // namespace attend
