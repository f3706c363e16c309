#include <cstdlib>
#include <reference/message_of.hpp>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/core/random.hpp>
#include <attend/io/safetensors.hpp>

namespace {

using attend::FormatError;
using attend::Index;
using attend::make_tensor;
using attend::Random;
using attend::read_safetensors;
using attend::Tensor;
using attend::TensorFile;
using attend::to_safetensors;
using reference::message_of;
using namespace std::string_literals;

template <class T>
Tensor random_tensor(Random& random) {
  std::vector<Index> shape(static_cast<std::size_t>(random.below(4)));
  for (Index& size : shape) size = random.below(5);
  std::vector<T> values(static_cast<std::size_t>(attend::element_count(shape)));
  for (T& value : values) value = static_cast<T>(random.uniform(0, 200));
  return make_tensor<T>(shape, values);
}

TensorFile random_file(Random& random) {
  TensorFile file;
  for (Index i = random.below(12); i > 0; --i) {
    const std::string name = "tensor."s + std::to_string(random.below(1000));
    if (file.contains(name)) continue;
    const Tensor choices[] = {random_tensor<float>(random), random_tensor<double>(random),
                              random_tensor<std::uint8_t>(random),
                              random_tensor<std::int32_t>(random),
                              random_tensor<std::int64_t>(random)};
    file.insert(name, choices[random.below(5)]);
  }
  for (Index i = random.below(4); i > 0; --i) {
    file.metadata["note \" \n \u00E4 "s + std::to_string(i)] = "value \\ \u4E2D"s;
  }
  return file;
}

std::string with_length(std::string_view header) {
  std::string bytes(8, '\0');
  attend::detail::to_little_endian(std::uint64_t{header.size()}, bytes.data());
  return bytes.append(header);
}

/// What reading the bytes says, without the path.
std::string refusal(std::string_view bytes) {
  const TemporaryFolder folder;
  const std::string path = folder.file("file", bytes).string();
  const std::string said = message_of<FormatError>([&] { (void)read_safetensors(path); });
  return said.starts_with(path + ": ") ? said.substr(path.size() + 2) : "without path: " + said;
}

std::string refusal(std::string_view header, std::size_t data_bytes) {
  return refusal(with_length(header) + std::string(data_bytes, 'x'));
}

TEST(Safetensors, RoundTripsAnyFile) {
  const TemporaryFolder folder;
  Random random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const TensorFile file = random_file(random);
    attend::write_safetensors(folder / "file", file);
    const TensorFile again = read_safetensors(folder / "file");
    EXPECT_EQ(again.tensors, file.tensors);
    EXPECT_EQ(again.metadata, file.metadata);
    EXPECT_EQ(again.source, (folder / "file").string());
    EXPECT_EQ(to_safetensors(again), to_safetensors(file));
  }
}

TEST(Safetensors, WritesTheseBytes) {
  TensorFile file;
  const std::vector<float> row{1, 2};
  file.insert_bytes("a", "xyz");
  file.insert("b", make_tensor<float>({1, 2}, row));
  file.metadata["k"] = "v";
  const std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"data_offsets":[8,11],"dtype":"U8","shape":[3]},)"
      R"("b":{"data_offsets":[0,8],"dtype":"F32","shape":[1,2]}})";
  std::string padded = header;
  while (padded.size() % 8 != 0) padded += ' ';
  EXPECT_EQ(to_safetensors(file), with_length(padded) + "\0\0\x80\x3F\0\0\0\x40xyz"s);
}

TEST(Safetensors, AlignsEveryTensor) {
  Random random(2);
  for (int trial = 0; trial < 50; ++trial) {
    const std::string bytes = to_safetensors(random_file(random));
    const auto length = attend::detail::from_little_endian<std::uint64_t>(bytes.data());
    EXPECT_EQ(length % 8, 0U);
    const auto header = nlohmann::json::parse(bytes.substr(8, length));
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") continue;
      const auto size = attend::detail::bytes_per_element(entry["dtype"].get<std::string>());
      EXPECT_EQ(entry["data_offsets"][0].get<std::uint64_t>() % size, 0U) << header;
    }
  }
}

TEST(Safetensors, ReadsAFileInAnyOrderOfNamesAndFields) {
  const TemporaryFolder folder;
  const std::string header = R"({"z":{"shape":[],"data_offsets":[0,2],"dtype":"BF16"},)"
                             R"("a":{"dtype":"BOOL","data_offsets":[2,4],"shape":[2,1]},)"
                             R"("none":{"dtype":"F64","data_offsets":[2,2],"shape":[0,7]}}   )";
  const TensorFile file =
      read_safetensors(folder.file("file", with_length(header) + "\x80\x3F\x01\x00"s));
  EXPECT_EQ(attend::elements<float>(file.at("z")), std::vector<float>{1});
  EXPECT_EQ(file.at("a"), (Tensor{"BOOL", {2, 1}, "\x01\x00"s}));
  EXPECT_EQ(file.at("none"), (Tensor{"F64", {0, 7}, ""}));
}

TEST(Safetensors, RefusesEveryTruncation) {
  Random random(3);
  TensorFile file = random_file(random);
  file.insert_bytes("last", "xyz");
  const std::string bytes = to_safetensors(file);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(refusal(std::string_view(bytes).substr(0, size)), "without path: nothing was thrown")
        << size << " of " << bytes.size();
  }
  EXPECT_EQ(refusal(bytes + "x"), "the last 1 bytes belong to no tensor");
}

TEST(Safetensors, SurvivesEveryChangedByteOfTheHeader) {
  TensorFile file;
  const std::vector<float> values(6, 1.0F);
  file.insert("w", make_tensor<float>({2, 3}, values));
  file.insert_bytes("v", "words");
  file.metadata["k"] = "v";
  const std::string bytes = to_safetensors(file);
  const TemporaryFolder folder;
  Random random(4);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int trial = 0; trial < 4; ++trial) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(random.below(256));
      const auto path = folder.file("file", changed);
      try {
        const TensorFile read = read_safetensors(path);
        for (const auto& [name, tensor] : read.tensors) {
          EXPECT_EQ(tensor.bytes.size(),
                    static_cast<std::uint64_t>(attend::element_count(tensor.shape)) *
                        attend::detail::bytes_per_element(tensor.dtype));
        }
      } catch (const FormatError& error) {
        EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos);
      }
    }
  }
}

TEST(Safetensors, SaysWhyAFileIsNoneOfItsKind) {
  EXPECT_EQ(refusal(""),
            "not a safetensors file: it has 0 bytes, the length of the header takes 8");
  EXPECT_EQ(refusal("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F{}"s),
            "not a safetensors file, or incomplete: a header of 9223372036854775807 bytes is "
            "announced, 2 bytes follow, 100000000 are the limit");
  EXPECT_EQ(refusal("\x03\0\0\0\0\0\0\0{}"s),
            "not a safetensors file, or incomplete: a header of 3 bytes is announced, 2 bytes "
            "follow, 100000000 are the limit");
  const std::string not_an_object =
      "not a safetensors file: the header does not begin with '{', or holds a zero byte";
  EXPECT_EQ(refusal("[]", 0), not_an_object);
  EXPECT_EQ(refusal("", 0), not_an_object);
  EXPECT_EQ(refusal(" {}", 0), not_an_object);
  EXPECT_EQ(refusal("{}\0 hidden"s, 0), not_an_object);
  for (const auto* broken : {"{", "{}x", "{\"a\":}", "{\"\xFF\":{}}"}) {
    EXPECT_TRUE(refusal(broken, 0).starts_with("the header is not JSON: ")) << refusal(broken, 0);
  }
}

TEST(Safetensors, HasALimitForTheHeaderBeforeTheFileIsRead) {
  const TemporaryFolder folder;
  const auto path = folder.file("sparse", "\x01\xE1\xF5\x05\0\0\0\0"s);  // 100,000,001
  std::filesystem::resize_file(path, std::uintmax_t{1} << 36U);
  EXPECT_EQ(message_of<FormatError>([&] { (void)read_safetensors(path); }),
            path.string() +
                ": not a safetensors file, or incomplete: a header of 100000001 bytes is "
                "announced, 68719476728 bytes follow, 100000000 are the limit");
}

TEST(Safetensors, SaysWhatIsWrongWithTheHeader) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"a":1})", "'a' is a number, expected an object"},
      {R"({"a":null})", "'a' is null, expected an object"},
      {R"({"a":"b"})", "'a' is a string, expected an object"},
      {R"({"a":[]})", "'a' is an array, expected an object"},
      {R"({"__metadata__":{"k":true}})", "metadata 'k' is true or false, expected a string"},
      {R"({"__metadata__":{"k":{}}})", "metadata 'k' is an object, expected a string"},
      {R"({"__metadata__":{"k":[]}})", "metadata 'k' is an array, expected a string"},
      {R"({"__metadata__":{"k":"1","k":"2"}})", "'k' comes twice in '__metadata__'"},
      {R"({"__metadata__":{},"__metadata__":{}})", "the name '__metadata__' comes twice"},
      {R"({"a":{"dtype":[]}})", "tensor 'a': dtype is an array, expected a string"},
      {R"({"a":{"dtype":"F32","dtype":"F32"}})", "'dtype' comes twice in 'a'"},
      {R"({"a":{"shape":"x"}})", "tensor 'a': shape is a string, expected an array of sizes"},
      {R"({"a":{"shape":[-1]}})",
       "tensor 'a': shape holds a number below 0, expected an array of sizes"},
      {R"({"a":{"shape":[1.5]}})",
       "tensor 'a': shape holds a fraction or too large a number, expected an array of sizes"},
      {R"({"a":{"shape":[18446744073709551616]}})",
       "tensor 'a': shape holds a fraction or too large a number, expected an array of sizes"},
      {R"({"a":{"shape":[[1]]}})", "tensor 'a': shape holds an array, expected an array of sizes"},
      {R"({"a":{"data_offsets":{}}})",
       "tensor 'a': data_offsets is an object, expected an array of sizes"},
      {R"({"a":{"extra":1}})",
       "tensor 'a': unknown field 'extra', expected dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[]}})", "tensor 'a' has no data_offsets"},
      {R"({"a":{}})", "tensor 'a' has no dtype"},
  };
  for (const auto& [header, reason] : cases) EXPECT_EQ(refusal(header, 0), reason) << header;
}

TEST(Safetensors, SeesANameThatComesTwice) {
  const std::string entry = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(refusal("{" + entry + "," + entry + "}", 1), "the name 'a' comes twice");
}

TEST(Safetensors, EndsDepthAtOnce) {
  std::string deep = "{\"a\":";
  for (int i = 0; i < 1'000'000; ++i) deep += "{\"a\":";
  EXPECT_EQ(refusal(deep, 0),
            "tensor 'a': unknown field 'a', expected dtype, shape and data_offsets");
  EXPECT_EQ(refusal("{\"a\":{\"shape\":" + std::string(1'000'000, '['), 0),
            "tensor 'a': shape holds an array, expected an array of sizes");
}

std::string entry(std::string_view name, std::string_view dtype, std::string_view shape,
                  std::string_view offsets) {
  return attend::detail::message("\"", name, "\":{\"dtype\":\"", dtype, "\",\"shape\":[", shape,
                                 "],\"data_offsets\":[", offsets, "]}");
}

TEST(Safetensors, SaysWhatIsWrongWithTheLayout) {
  const auto one = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return refusal("{" + entry("a", dtype, shape, offsets) + "}", 8);
  };
  const auto two = [](std::string_view first, std::string_view second, const char* length) {
    return refusal(
        "{" + entry("a", "U8", length, first) + "," + entry("b", "U8", "4", second) + "}", 8);
  };
  EXPECT_EQ(one("F32", "2", "0,8"), "without path: nothing was thrown");
  EXPECT_EQ(one("F31", "2", "0,8"), "tensor 'a': unknown type 'F31'");
  EXPECT_EQ(one("f32", "2", "0,8"), "tensor 'a': unknown type 'f32'");
  EXPECT_EQ(one("F32", "2", "0"), "tensor 'a': data_offsets holds 1 numbers, expected 2");
  EXPECT_EQ(one("F32", "2", "0,8,8"), "tensor 'a': data_offsets holds 3 numbers, expected 2");
  EXPECT_EQ(one("F32", "3", "0,8"),
            "tensor 'a': data_offsets hold 8 bytes, its shape and type need 12");
  EXPECT_EQ(one("F32", "3", "0,12"),
            "tensor 'a': data_offsets [0, 12] are outside of the file's 8 bytes of data; the file "
            "is damaged or incomplete");
  EXPECT_EQ(one("F32", "2", "8,0"),
            "tensor 'a': data_offsets [8, 0] are outside of the file's 8 bytes of data; the file "
            "is damaged or incomplete");
  const char* overflow = "tensor 'a': its shape has more elements than any memory";
  EXPECT_EQ(one("F32", "4294967296,4294967296", "0,8"), overflow);
  EXPECT_EQ(one("F32", "4611686018427387904", "0,8"), overflow);
  EXPECT_EQ(one("U8", "18446744073709551615", "0,8"), overflow);
  EXPECT_EQ(one("F32", "4294967296,4294967296,0", "0,8"), overflow);
  EXPECT_EQ(one("F32", "1", "4,8"), "tensor 'a': 4 bytes before it belong to no tensor");
  EXPECT_EQ(one("F32", "1", "0,4"), "the last 4 bytes belong to no tensor");
  EXPECT_EQ(refusal("{}", 5), "the last 5 bytes belong to no tensor");
  EXPECT_EQ(two("0,4", "4,8", "4"), "without path: nothing was thrown");
  EXPECT_EQ(two("0,5", "4,8", "5"), "tensor 'b': data_offsets overlap those of another tensor");
  EXPECT_EQ(two("0,4", "0,4", "4"), "tensor 'b': data_offsets overlap those of another tensor");
  EXPECT_EQ(two("0,3", "4,8", "3"), "tensor 'b': 1 bytes before it belong to no tensor");
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const auto said = [](const TensorFile& file) {
    return message_of<std::invalid_argument>([&] { (void)to_safetensors(file); });
  };
  TensorFile wrong_size;
  wrong_size.insert("a", Tensor{"F32", {2}, "1234"});
  EXPECT_EQ(said(wrong_size),
            "safetensors: tensor 'a' has type F32, shape [2] and 4 bytes, which do not belong "
            "together");
  TensorFile reserved;
  reserved.insert_bytes("__metadata__", "x");
  EXPECT_EQ(said(reserved), "safetensors: no tensor can be named '__metadata__'");
  TensorFile not_utf8;
  not_utf8.metadata["k"] = "\xFF";
  EXPECT_TRUE(said(not_utf8).starts_with("safetensors: a name or a note is not UTF-8: "));
}

TEST(Safetensors, NamesAFileThatIsMissing) {
  const TemporaryFolder folder;
  const auto path = folder / "missing";
  EXPECT_EQ(message_of<FormatError>([&] { (void)read_safetensors(path); }),
            path.string() + ": cannot be read: No such file or directory");
}

TEST(Safetensors, PythonReadsTheSame) {
  if (std::system("python3 -c 'import json, struct' > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "python3 is not installed";
  }
  const TemporaryFolder folder;
  TensorFile file;
  const std::vector<float> matrix{1, 2, 3, 4, 5, 6};
  const std::vector<double> vector{0.25, -1};
  const std::vector<std::int64_t> count{-7};
  file.insert("matrix", make_tensor<float>({2, 3}, matrix));
  file.insert("vector", make_tensor<double>({2}, vector));
  file.insert("count", make_tensor<std::int64_t>({}, count));
  file.insert_bytes("words", "Haus");
  file.metadata["gr\u00F6\u00DFe"] = "7";
  attend::write_safetensors(folder / "file", file);
  const std::string command = "python3 '" ATTEND_SOURCE_DIR "/tests/io/read_safetensors.py' '" +
                              (folder / "file").string() + "' > '" + (folder / "out").string() +
                              "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(attend::read_file(folder / "out"),
            "gr\\u00f6\\u00dfe = 7\n"
            "count I64 [] [-7]\n"
            "matrix F32 [2, 3] [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]\n"
            "vector F64 [2] [0.25, -1.0]\n"
            "words U8 [4] [72, 97, 117, 115]\n");
}

}  // namespace
