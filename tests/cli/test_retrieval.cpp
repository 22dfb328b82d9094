// SPDX-License-Identifier: Apache-2.0
// `embed`, `index`, `query` and `eval` as processes: the contracts that checks from outside rely on.
#include "core/base/atomic_file.h"
#include "core/checkpoint/safetensors.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"
#include "tests/support/tolerance.h"
#include "tests/unit/test_paths.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

class Retrieval : public testing::Test {
  protected:
    std::string fixture(const std::string& name) const {
        return (sourceDir() / "tests/data/encoder" / name).string();
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    Outcome run(std::vector<std::string> arguments) const { return runEngine(arguments); }
    nlohmann::json json(std::vector<std::string> arguments) const {
        arguments.push_back("--json");
        const Outcome outcome = run(std::move(arguments));
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        return nlohmann::json::parse(outcome.out);
    }

    TemporaryFolder folder_;
};

TEST_F(Retrieval, EmbedWritesTheReferenceLibrarysVectors) {
    const Outcome outcome = run({"embed", "--model", fixture("bert"), "--text", fixture("texts.txt"), "--out",
                                 path("out"), "--layer", "1"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("1 texts are longer than 40 tokens and were cut there"));
    const SafetensorsFile ours(path("out"));
    const SafetensorsFile golden(fixture("golden.safetensors"));
    EXPECT_EQ(ours.tensor("standard").shape, (Shape{8, 48}));
    EXPECT_EQ(ours.tensor("heads").shape, (Shape{8, 4, 12}));
    const std::vector<float> standard = toFloats(ours.tensor("standard"));
    const std::vector<float> heads = toFloats(ours.tensor("heads"));
    constexpr double kEncoder = 2e-5; // three layers of a few hundred roundings each
    for (std::size_t n = 0; n < 8; ++n) {
        expectClose(std::span(standard).subspan(48 * n, 48), toFloats(golden.tensor("mean." + std::to_string(n))),
                    kEncoder);
        expectClose(std::span(heads).subspan(48 * n, 48),
                    toFloats(golden.tensor("heads.mean.1." + std::to_string(n))), kEncoder);
    }
    EXPECT_NE(run({"embed", "--model", fixture("bert"), "--text", path("none"), "--out", path("out")}).status, 0);
}

// Documents A, B, C, D of two heads of size 2: the published example.
TEST_F(Retrieval, QueryRanksRawVectors) {
    const std::vector<float> docs{1, 0, 0, 2, 0.6f, 0.8f, 2, 0, 0, 1, 1, 1, -1, 0, 0, -1};
    const std::vector<float> query{0.8f, 0.6f, 1, 0.5f};
    SafetensorsWriter writer(path("v"));
    writer.declare("docs", DType::F32, {4, 2, 2});
    writer.declare("query", DType::F32, {2, 2});
    writer.append(std::as_bytes(std::span(docs)));
    writer.append(std::as_bytes(std::span(query)));
    writer.finish();
    const nlohmann::json two = json({"query", "--vectors", path("v"), "--strategy", "mrag", "--c", "2", "-k", "3"});
    const double expected[] = {1.405687, 1.261374, 0.3875};
    const int documents[] = {1, 2, 0};
    ASSERT_EQ(two["results"].size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(two["results"][i]["document"], documents[i]);
        EXPECT_NEAR(two["results"][i]["vote"].get<double>(), expected[i], 2e-6);
    }
    EXPECT_NEAR(two["head_scores"][1].get<double>(), 1.2613737822, 2e-6);
    // What it is going to read, and how long that takes, is said before.
    const Outcome told = run({"query", "--vectors", path("v"), "--c", "2"});
    EXPECT_THAT(told.err, HasSubstr("mrag reads 64 bytes of vectors"));
    EXPECT_THAT(told.err, testing::ContainsRegex("expected (under )?[0-9.e-]+ ms at [0-9.]+ GB/s"));
    EXPECT_EQ(json({"query", "--vectors", path("v"), "--c", "4", "-k", "1"})["results"][0]["document"], 2);
    const Outcome wrong = run({"query", "--vectors", path("v"), "--strategy", "split"});
    EXPECT_THAT(wrong.err, HasSubstr("mrag, mrag-decay and mrag-distance"));
}

TEST_F(Retrieval, IndexQueryAndEvalShareACollection) {
    writeFileAtomically(folder_ / "articles.json",
                        R"([{"title": "Heads", "label": "x", "text": "many heads are searched in the index"},
                            {"title": "Light", "label": "y", "text": "lightning of the world"},
                            {"title": "Hello", "label": "z", "text": "hello you know"}])");
    writeFileAtomically(folder_ / "queries.json",
                        R"([{"topics": ["Light"], "text": "lightning of the world"},
                            {"topics": ["Hello"], "text": "hello you know"}])");
    const std::vector<std::string> index{
        "index",   "--data",        path("data"),          "--collection",      "c",
        "--model", fixture("bert"), path("articles.json"), path("queries.json")};
    const Outcome first = run(index);
    ASSERT_EQ(first.status, 0) << first.err;
    EXPECT_THAT(first.out, HasSubstr("3 documents, 3 embedded now"));
    EXPECT_THAT(run(index).out, HasSubstr("3 documents, 0 embedded now"));
    EXPECT_THAT(run({"index", "--data", path("data")}).out, HasSubstr("queries queries: 2"));

    const std::vector<std::string> of{"--data", path("data"), "--collection", "c"};
    std::vector<std::string> query{"query", "--text", "hello you know", "--strategy", "mrag", "-k", "2"};
    query.insert(query.end(), of.begin(), of.end());
    const nlohmann::json found = json(query);
    EXPECT_EQ(found["results"][0]["title"], "Hello");
    EXPECT_EQ(found["results"][0]["votes"].size(), 4u);
    // Three documents, four heads of 12 numbers in float32.
    EXPECT_THAT(run(query).err, HasSubstr("mrag reads 576 bytes of vectors"));
    std::vector<std::string> fused = query;
    fused.insert(fused.end(), {"--strategy", "fusion", "--prompt", "hello", "--prompt", "know"});
    fused.erase(std::find(fused.begin(), fused.end(), "--strategy"),
                std::find(fused.begin(), fused.end(), "--strategy") + 2);
    EXPECT_THAT(run(fused).err, HasSubstr("fusion reads 1.1 KiB of vectors")); // 576 for each prompt

    std::vector<std::string> eval{"eval",     "--queries", "queries", "--strategies", "standard,mrag,bm25",
                                  "--offset", "0"};
    eval.insert(eval.end(), of.begin(), of.end());
    const nlohmann::json judged = json(eval);
    ASSERT_EQ(judged["rows"].size(), 3u);
    for (const nlohmann::json& row : judged["rows"]) {
        EXPECT_EQ(row["metrics"]["success_ratio"]["mean"], 1.0) << row["strategy"];
    }
    EXPECT_EQ(json(eval)["record"], judged["record"]);

    // Another model's vectors do not belong here.
    std::vector<std::string> ember = index;
    ember[6] = (sourceDir() / "resources/models/ember").string();
    EXPECT_THAT(run(ember).err, HasSubstr("Vectors of two embedders cannot be compared"));
    std::vector<std::string> mixed = index;
    mixed.insert(mixed.end(), {"--max-tokens", "20"});
    EXPECT_EQ(run(mixed).status, 0); // the collection's own settings count
    const Outcome none = run({"query", "--data", path("data"), "--collection", "d", "--text", "x"});
    EXPECT_THAT(none.err, HasSubstr("there is no collection 'd'; there are: c"));
}

} // namespace
} // namespace fulgurite::test
