// SPDX-License-Identifier: Apache-2.0
// `cascade` as a process: encode for checks from outside, libraries that survive kill -9, the same numbers as JSON.
#include "core/cascade/image/image.h"
#include "core/checkpoint/safetensors.h"
#include "tests/support/engine_process.h"
#include "tests/unit/temporary_folder.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

namespace fulgurite::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class Cascade : public testing::Test {
  protected:
    static fs::path data() { return fs::path(std::getenv("FULGURITE_SOURCE_DIR")) / "tests/data/clip"; }

    // `count` different pictures.
    void addPictures(int count) const {
        fs::create_directories(folder_ / "pictures");
        for (int i = 0; i < count; ++i) {
            image::Image picture = image::makeImage(32, 24);
            for (std::size_t p = 0; p < picture.rgb.size(); ++p) {
                picture.rgb[p] = static_cast<std::uint8_t>((p * static_cast<std::size_t>(i + 3)) % 251);
            }
            std::ofstream(folder_ / "pictures" / (std::to_string(1000 + i) + ".jpg"), std::ios::binary)
                << image::encodeJpeg(picture, 90);
        }
    }
    std::vector<std::string> command(const std::string& what, const std::string& store,
                                     std::vector<std::string> more) const {
        std::vector<std::string> arguments{"cascade",
                                           what,
                                           "--data",
                                           (folder_ / store).string(),
                                           "--json",
                                           "--encoder",
                                           (data() / "plain").string(),
                                           "--encoder",
                                           (data() / "variant").string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }
    json run(const std::string& what, const std::string& store, std::vector<std::string> more) const {
        const Outcome outcome = runEngine(command(what, store, std::move(more)));
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        return outcome.status == 0 ? json::parse(outcome.out) : json();
    }
    std::string pictures() const { return (folder_ / "pictures").string(); }

    TemporaryFolder folder_;
};

TEST_F(Cascade, EncodeWritesUnitRowsInTheOrderGiven) {
    std::ofstream(folder_ / "texts.txt") << "a photo of a cat\r\n\nthe sea at night";
    const std::string out = (folder_ / "vectors.safetensors").string();
    const Outcome outcome =
        runEngine({"cascade", "encode", "--model", (data() / "plain").string(), "--image",
                   (data() / "pictures/rgb.png").string(), (data() / "pictures/grey.png").string(),
                   (data() / "pictures/rgb.png").string(), "--text", (folder_ / "texts.txt").string(), "--out", out,
                   "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const json report = json::parse(outcome.out);
    EXPECT_EQ(report["image"]["items"], 3);
    EXPECT_GT(report["image"]["flops"].get<double>(), 0);
    const SafetensorsFile file(out);
    const TensorView image = file.tensor("image");
    EXPECT_EQ(image.shape, (Shape{3, 24}));
    EXPECT_EQ(file.tensor("text").shape, (Shape{3, 24}));
    const auto rows = toFloats(image);
    EXPECT_EQ(std::vector<float>(rows.begin(), rows.begin() + 24),
              std::vector<float>(rows.begin() + 48, rows.end()));
    for (int r = 0; r < 3; ++r) {
        double squares = 0;
        for (int i = 0; i < 24; ++i) {
            squares += std::pow(rows[static_cast<std::size_t>(r * 24 + i)], 2);
        }
        EXPECT_NEAR(squares, 1, 1e-6);
    }
}

TEST_F(Cascade, EncodeSaysWhatItCannotDo) {
    const std::string out = (folder_ / "v.safetensors").string();
    const auto refusal = [&](std::vector<std::string> more) {
        std::vector<std::string> arguments{"cascade", "encode", "--out", out};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Outcome outcome = runEngine(arguments);
        EXPECT_EQ(outcome.status, 1);
        EXPECT_FALSE(fs::exists(out));
        return outcome.err;
    };
    const std::string plain = (data() / "plain").string();
    EXPECT_THAT(refusal({"--model", plain}), HasSubstr("nothing to encode"));
    EXPECT_THAT(refusal({"--model", (folder_ / "none").string(), "--image", "x"}),
                HasSubstr("no such model folder"));
    EXPECT_THAT(refusal({"--model", plain, "--image", (data() / "make.py").string()}), HasSubstr("neither JPEG"));
}

// Killed several times in the middle of its work; the outcome is that of a library built in peace.
TEST_F(Cascade, ALibraryKilledWhileItIsBuiltEndsTheSame) {
    constexpr int kPictures = 400;
    addPictures(kPictures);
    const std::vector<std::string> build{"--library", "L", "--folder", pictures()};
    for (const int milliseconds : {60, 120, 180, 240}) {
        const Process process(command("build", "killed", build)); // its destructor is kill -9
        std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    }
    const json resumed = run("build", "killed", build);
    EXPECT_EQ(resumed["images"], kPictures);
    EXPECT_EQ(resumed["unreadable"].size(), 0u);
    run("build", "peace", build);
    const std::vector<std::string> query{"a photo of a cat", "--stages", "plain:40,variant", "--top", "400"};
    const json killed = run("query", "killed", query);
    const json peace = run("query", "peace", query);
    ASSERT_EQ(killed["results"].size(), static_cast<std::size_t>(kPictures));
    // After a kill other pictures stand together in a batch, and products of another number of rows round
    // differently: a few float32 roundings of a vector of length 1, which may swap two images of all but equal
    // score.
    constexpr double kRoundings = 1e-6;
    const auto byPath = [](const json& answer) {
        std::map<std::string, json> scores;
        for (const json& hit : answer["results"])
            scores[hit["path"].get<std::string>()] = hit["scores"];
        return scores;
    };
    const auto scores = byPath(killed);
    for (const auto& [path, wanted] : byPath(peace)) {
        ASSERT_TRUE(scores.contains(path)) << path;
        EXPECT_NEAR(scores.at(path)[0].get<double>(), wanted[0].get<double>(), kRoundings) << path;
    }
    EXPECT_EQ(run("build", "killed", build)["read"], 0);
}

TEST_F(Cascade, CommandsGiveTheNumbersOfTheirLibrary) {
    addPictures(30);
    std::ofstream(folder_ / "pictures/broken.png") << "no picture";
    const json built = run("build", "d", {"--library", "L", "--folder", pictures()});
    EXPECT_EQ(built["images"], 30);
    EXPECT_THAT(built["unreadable"][0]["reason"].get<std::string>(), HasSubstr("broken.png"));
    const json first = run("query", "d", {"a cat", "--stages", "plain:8,variant", "--term", "-0.5:snow"});
    EXPECT_EQ(first["query"], 1);
    EXPECT_EQ(first["stages"][1]["encoded"], 8);
    EXPECT_EQ(first["results"][0]["ranks"].size(), 2u);
    EXPECT_EQ(
        run("query", "d", {"a cat", "--stages", "plain:8,variant", "--term", "-0.5:snow"})["stages"][1]["cached"],
        8);
    const json like = run("query", "d", {"--dry", "--like-file", "1:" + pictures() + "/1003.jpg"});
    EXPECT_THAT(like["results"][0]["path"].get<std::string>(), HasSubstr("1003.jpg"));
    const json ledger = run("ledger", "d", {});
    EXPECT_EQ(ledger["queries"], 2);
    EXPECT_EQ(ledger["stages"][0]["encoded"], 30);
    const double met = ledger["stages"][1]["encoded"];
    EXPECT_GE(met, 8) << "the query without a trace has left its cost";
    EXPECT_DOUBLE_EQ(ledger["closed"]["f"], met / 30);
    EXPECT_THAT(ledger.dump(), HasSubstr("a cat -0.5 snow"));
    const Outcome table = runEngine({"cascade", "ledger", "--data", (folder_ / "d").string(), "--encoder",
                                     (data() / "plain").string(), "--encoder", (data() / "variant").string()});
    EXPECT_THAT(table.out, HasSubstr("30 pictures, 2 queries"));
    const json simulated =
        run("simulate", "d", {"--stages", "plain:5,variant", "--queries", "100", "--draw", "random"});
    EXPECT_NEAR(simulated["curve"][0]["touched"][0]["mean"].get<double>(), 5.0 / 30, 1e-12);
    std::ofstream(folder_ / "captions.jsonl") << R"({"file": "1000.jpg", "caption": "a cat"})"
                                              << "\n"
                                              << R"({"file": "1001.jpg", "caption": "two dogs"})";
    const json evaluated =
        run("eval", "d", {"--captions", (folder_ / "captions.jsonl").string(), "--stages", "plain:8,variant"});
    EXPECT_EQ(evaluated["captions"], 2);
    ASSERT_EQ(evaluated["rows"].size(), 3u) << "two encoders alone and the cascade";
    const double t0 = evaluated["seconds_each"]["plain"];
    const double t1 = evaluated["seconds_each"]["variant"];
    EXPECT_NEAR(evaluated["rows"][2]["factor"].get<double>(), t1 / (t0 + 0.1 * t1), 1e-9);
    EXPECT_EQ(evaluated["reference"], "variant");
    EXPECT_NEAR(evaluated["rows"][0]["factor"].get<double>(), t1 / t0, 1e-9) << "the cheap encoder alone";
    EXPECT_EQ(evaluated["rows"][1]["factor"], 1);
}

TEST_F(Cascade, CommandsSayWhatIsMissing) {
    const auto refusal = [&](const std::string& what, std::vector<std::string> more) {
        const Outcome outcome = runEngine(command(what, "d", std::move(more)));
        EXPECT_EQ(outcome.status, 1) << outcome.out;
        return outcome.err;
    };
    EXPECT_THAT(refusal("build", {"--library", "L"}), HasSubstr("--folder"));
    EXPECT_THAT(refusal("build", {"--folder", (folder_ / "none").string()}), HasSubstr("no such folder"));
    EXPECT_THAT(refusal("query", {"a cat"}), HasSubstr("cascade build"));
    addPictures(2);
    run("build", "d", {"--library", "L", "--folder", pictures()});
    EXPECT_THAT(refusal("query", {"a cat", "--stages", "nobody:5,plain"}), HasSubstr("there are: plain, variant"));
    EXPECT_THAT(refusal("query", {"a cat", "--stages", "plain:x,variant"}), HasSubstr("ENCODER:IMAGES"));
    EXPECT_THAT(refusal("query", {"a cat", "--like", "1:99999"}), HasSubstr("99999"));
}

} // namespace
} // namespace fulgurite::test
