#ifdef ATTEND_HAS_ZLIB

#include <cstdint>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/core/random.hpp>
#include <attend/io/npz.hpp>

namespace {

using attend::FormatError;
using attend::from_npz;
using attend::Random;
using reference::message_of;
using namespace std::string_literals;

std::string number(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

/// Everything that a member's records say of it.
struct Member {
  std::string name;
  std::string data;
  std::uint64_t method = 0;
  std::uint64_t flags = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
  std::string extra = {};
};

Member stored(std::string name, std::string data) {
  const auto* bytes = reinterpret_cast<const Bytef*>(data.data());
  const std::uint64_t checksum = crc32_z(0, bytes, data.size());
  const std::uint64_t size = data.size();
  return {std::move(name), std::move(data), 0, 0, size, checksum};
}

Member deflated(std::string name, const std::string& data) {
  Member member = stored(std::move(name), data);
  std::string packed(compressBound(data.size()) + 16, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(member.data.data());
  stream.avail_in = static_cast<uInt>(member.data.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  member.data = packed;
  member.method = 8;
  return member;
}

std::string record(const Member& m) {
  return number(m.flags, 2) + number(m.method, 2) + number(0, 4) + number(m.checksum, 4) +
         number(m.data.size(), 4) + number(m.size, 4) + number(m.name.size(), 2);
}

std::string zip(const std::vector<Member>& members) {
  std::string bytes;
  std::string directory;
  for (const Member& m : members) {
    const std::uint64_t place = bytes.size();
    bytes += "PK\x03\x04\x14\0"s + record(m) + number(0, 2) + m.name + m.data;
    directory += "PK\x01\x02\x14\0\x14\0"s + record(m) + number(m.extra.size(), 2) +
                 std::string(10, '\0') + number(place, 4) + m.name + m.extra;
  }
  return bytes + directory + "PK\x05\x06\0\0\0\0"s + number(members.size(), 2) +
         number(members.size(), 2) + number(directory.size(), 4) + number(bytes.size(), 4) +
         "\0\0"s;
}

const std::string array =
    "\x93NUMPY\x01\0\x3B\0{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}    "s +
    "\0\0\x80\x3F\0\0\0\x40"s;

std::string refusal(const std::string& bytes) {
  return message_of<FormatError>([&] { (void)from_npz(bytes, "file"); });
}

TEST(Npz, ReadsStoredAndDeflatedMembers) {
  const auto file = from_npz(zip({stored("a.npy", array), deflated("b/c.npy", array)}), "file");
  EXPECT_EQ(file.source, "file");
  EXPECT_EQ(attend::elements<float>(file.at("a")), (std::vector<float>{1, 2}));
  EXPECT_EQ(attend::elements<float>(file.at("b/c")), (std::vector<float>{1, 2}));
  EXPECT_TRUE(from_npz(zip({}), "file").tensors.empty());
  std::string commented = zip({stored("a.npy", array)});
  commented[commented.size() - 2] = 3;
  EXPECT_EQ(from_npz(commented + "abc", "file").tensors.size(), 1U);
}

TEST(Npz, DoesNotCopyWhatIsStored) {
  const attend::Bytes bytes = zip({stored("a.npy", array)});
  const auto file = from_npz(bytes, "file");
  EXPECT_GE(file.at("a").bytes.data(), bytes.data());
  EXPECT_LT(file.at("a").bytes.data(), bytes.data() + bytes.size());
}

TEST(Npz, ReadsLargeUnpackedArrays) {
  std::string zeros(3'000'000, '\0');
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3000000,)}";
  const std::string large = "\x93NUMPY\x01\0"s + number(header.size(), 2) + header + zeros;
  const auto file = from_npz(zip({deflated("z.npy", large)}), "file");
  EXPECT_EQ(file.at("z").bytes.view(), zeros);
}

TEST(Npz, ReadsSizesOfEightBytes) {
  Member m = stored("a.npy", array);
  std::string bytes = zip({m});
  m.extra = number(1, 2) + number(24, 2) + number(array.size(), 8) + number(array.size(), 8) +
            number(0, 8);
  std::string large = zip({m});
  const std::size_t entry = large.find("PK\x01\x02");
  large.replace(entry + 20, 8, std::string(8, '\xFF'));
  large.replace(entry + 42, 4, std::string(4, '\xFF'));
  EXPECT_EQ(from_npz(large, "file").at("a"), from_npz(bytes, "file").at("a"));
  large.replace(entry + 46 + m.name.size() + 2, 2, number(8, 2));
  EXPECT_EQ(refusal(large), "file: the archive's directory is damaged");
}

TEST(Npz, SaysWhatIsWrong) {
  EXPECT_EQ(refusal(""), "file: not a zip archive: too short");
  EXPECT_EQ(refusal(std::string(100, 'x')),
            "file: not a zip archive, or cut off: it has no directory");
  EXPECT_EQ(refusal(zip({stored("a.npy", array), stored("a.npy", array)})),
            "file: the name 'a' comes twice");
  EXPECT_EQ(refusal(zip({stored("a.txt", array)})), "file: 'a.txt' is no array; a .npz holds .npy");
  EXPECT_EQ(refusal(zip({stored("\xFF.npy", array)})), "file: the name of an array is not UTF-8");
  EXPECT_EQ(refusal(zip({stored("a.npy", "text")})), "file: 'a': not a NumPy array");
  Member m = stored("a.npy", array);
  m.flags = 1;
  EXPECT_EQ(refusal(zip({m})), "file: 'a.npy' is encrypted");
  m = stored("a.npy", array);
  m.method = 12;
  EXPECT_EQ(refusal(zip({m})), "file: 'a.npy' is packed in a way that is not known here");
  m = stored("a.npy", array);
  m.checksum ^= 1U;
  EXPECT_EQ(refusal(zip({m})), "file: 'a.npy' is damaged");
  for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{array.size() - 1},
                                    std::uint64_t{array.size() + 1}, std::uint64_t{0xFFFFFFFE}}) {
    m = deflated("a.npy", array);
    m.size = wrong;
    EXPECT_EQ(refusal(zip({m})), "file: 'a.npy' is damaged") << wrong;
  }
  m = deflated("a.npy", array);
  m.data.pop_back();
  EXPECT_EQ(refusal(zip({m})), "file: 'a.npy' is damaged");
  m = deflated("a.npy", array);
  m.data += "more";
  EXPECT_EQ(refusal(zip({m})), "file: 'a.npy' is damaged");
}

TEST(Npz, RefusesMembersThatShareBytes) {
  std::string bytes = zip({stored("a.npy", array), stored("b.npy", array)});
  // The second entry points to the first member.
  const std::size_t second = bytes.rfind("PK\x01\x02");
  bytes.replace(second + 42, 4, number(0, 4));
  EXPECT_EQ(refusal(bytes), "file: members of the archive overlap");
}

TEST(Npz, SurvivesEveryTruncationAndChangedByte) {
  const std::string bytes = zip({stored("a.npy", array), deflated("b.npy", array)});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(refusal(bytes.substr(0, size)), "nothing was thrown") << size;
  }
  Random random(1);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int trial = 0; trial < 8; ++trial) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(random.below(256));
      const std::string said = refusal(changed);
      EXPECT_TRUE(said == "nothing was thrown" || said.starts_with("file: ")) << said;
    }
  }
}

}  // namespace

#endif
