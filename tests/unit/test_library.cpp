// SPDX-License-Identifier: Apache-2.0
// Image libraries end to end with two small random encoders: scans and what interrupts them, files that cannot be
// read, searches against a ranking computed by hand, the ledger.
#include "tests/unit/library_fixture.h"

#include <cmath>
#include <gmock/gmock.h>
#include <numeric>

namespace fulgurite::cascade {
namespace {

using test::dataFolder;
using test::jpegOf;
using test::writeBytes;
namespace fs = std::filesystem;

class ImageLibrary : public test::ImageLibrary {};

TEST_F(ImageLibrary, ListsWhatItReadsAndWhatItCannot) {
    addPictures(5);
    writeBytes(pictures() / "sub/deep.png", "");
    writeBytes(pictures() / "note.jpg", "this is text");
    writeBytes(pictures() / "cut.jpg", jpegOf(1).substr(0, 300));
    writeBytes(pictures() / "readme.txt", "no picture by its name");
    fs::create_directory(pictures() / "folder.jpg");
    scan();
    EXPECT_EQ(service_->library(id_).images, 5u);
    const auto unreadable = service_->unreadable(id_);
    ASSERT_EQ(unreadable.size(), 3u);
    EXPECT_THAT(unreadable[0].reason, testing::HasSubstr("cut.jpg"));
    EXPECT_THAT(unreadable[2].reason, testing::HasSubstr("empty"));
    const auto images = service_->images(id_, 1, 2);
    ASSERT_EQ(images.size(), 2u);
    EXPECT_THAT(images[0].path, testing::EndsWith("001.jpg"));
    EXPECT_EQ(images[0].width, 40);
    const std::string thumbnail = service_->thumbnail(id_, images[0].id, 20);
    EXPECT_EQ(image::decodeImage(std::as_bytes(std::span(thumbnail)), "thumbnail").width, 20);
    EXPECT_THROW(service_->thumbnail(id_, 9999, 20), Error);
    EXPECT_THROW(service_->library(77), Error);
}

TEST_F(ImageLibrary, OnlyWhatChangedIsReadAgain) {
    addPictures(6);
    scan();
    EXPECT_EQ(filesRead(), 6u);
    open();
    scan();
    EXPECT_EQ(filesRead(), 0u) << "the same files after a restart";
    writeBytes(pictures() / "003.jpg", jpegOf(103, 44));
    fs::remove(pictures() / "005.jpg");
    addPictures(1, 6);
    scan();
    EXPECT_EQ(filesRead(), 2u);
    EXPECT_EQ(service_->library(id_).images, 6u);
    const auto images = service_->images(id_, 0, 10);
    EXPECT_EQ(images[3].width, 44);
    EXPECT_THAT(images.back().path, testing::EndsWith("006.jpg"));
    const auto totals = service_->ledger(id_, 10).totals;
    ASSERT_EQ(totals.size(), 1u);
    EXPECT_EQ(totals[0].encoded, 8) << "six, one changed, one new";
}

TEST_F(ImageLibrary, AFolderThatDisappearsTakesNothingAlong) {
    addPictures(4);
    scan();
    fs::rename(pictures(), folder_ / "elsewhere");
    scan();
    EXPECT_EQ(service_->library(id_).images, 4u);
    EXPECT_THAT(service_->scanState(id_).message, testing::HasSubstr("not there"));
    // The first stage knows its vectors; the second cannot read the files, and its images stay in the first one's
    // order.
    const QueryOutcome outcome = service_->query(id_, textQuery(3), true);
    EXPECT_EQ(outcome.result.stages[1].missing, 3u);
    ASSERT_EQ(outcome.result.ranking.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(outcome.result.ranking[i], outcome.result.stages[0].order[i].index);
    }
    fs::rename(folder_ / "elsewhere", pictures());
    EXPECT_EQ(service_->query(id_, textQuery(3), true).result.stages[1].encoded, 3u);
}

TEST_F(ImageLibrary, ACancelledScanGoesOnWhereItStopped) {
    addPictures(150);
    id_ = service_->create("test", {pictures().string()});
    service_->scan(id_, ScanAction::Start);
    while (service_->scanState(id_).progress.done == 0 &&
           service_->scanState(id_).phase != ScanState::Phase::Idle) {
        std::this_thread::yield();
    }
    service_->scan(id_, ScanAction::Cancel);
    service_->waitForScan(id_);
    const std::size_t before = service_->library(id_).images;
    EXPECT_GT(before, 0u);
    scan();
    EXPECT_EQ(service_->library(id_).images, 150u);
    EXPECT_EQ(filesRead(), 150 - before);
    EXPECT_EQ(service_->ledger(id_, 0).totals.at(0).encoded, 150);
}

// A service that watches finds new files by itself, and what came while it was not there.
TEST_F(ImageLibrary, FoldersAreWatched) {
    addPictures(2);
    scan();
    service_.reset();
    addPictures(1, 2);
    service_ = std::make_unique<LibraryService>(ServiceOptions{
        .data = folder_ / "data", .encoders = {dataFolder() / "plain"}, .threads = 1, .watch = true});
    const auto waitFor = [&](std::size_t images) {
        for (int i = 0; i < 600 && service_->library(id_).images != images; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return service_->library(id_).images;
    };
    EXPECT_EQ(waitFor(3), 3u) << "after the start";
    addPictures(1, 3);
    EXPECT_EQ(waitFor(4), 4u);
    fs::remove(pictures() / "000.jpg");
    EXPECT_EQ(waitFor(3), 3u);
}

TEST_F(ImageLibrary, PicturesListedWithoutAnEncoderAreEncodedByTheNextScan) {
    addPictures(70);
    service_.reset();
    service_ = std::make_unique<LibraryService>(
        ServiceOptions{.data = folder_ / "data", .encoders = {}, .threads = 1, .watch = false});
    scan();
    EXPECT_EQ(service_->library(id_).images, 70u);
    EXPECT_TRUE(service_->ledger(id_, 1).entries.empty());
    open();
    scan();
    EXPECT_EQ(filesRead(), 70u) << "progress counts what is encoded";
    EXPECT_EQ(service_->ledger(id_, 0).totals.at(0).encoded, 70);
    EXPECT_EQ(service_->query(id_, textQuery(5), false).result.stages[0].encoded, 0u);
}

// A pause ends with its batch: who asks meanwhile is answered.
TEST_F(ImageLibrary, QueriesRunWhileAScanIsPaused) {
    addPictures(120);
    id_ = service_->create("test", {pictures().string()});
    service_->scan(id_, ScanAction::Start);
    service_->scan(id_, ScanAction::Pause);
    for (int i = 0; i < 600 && service_->scanState(id_).phase != ScanState::Phase::Paused; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_EQ(service_->scanState(id_).phase, ScanState::Phase::Paused);
    const std::size_t before = service_->library(id_).images;
    EXPECT_LT(before, 120u);
    EXPECT_EQ(service_->query(id_, textQuery(3), false).result.images, before);
    service_->scan(id_, ScanAction::Resume);
    service_->waitForScan(id_);
    EXPECT_EQ(service_->library(id_).images, 120u);
}

TEST_F(ImageLibrary, SamePicturesAreEncodedOnce) {
    addPictures(2);
    for (int copy = 0; copy < 5; ++copy) {
        fs::copy(pictures() / "000.jpg", pictures() / fmt::format("copy{}.jpg", copy));
    }
    scan();
    EXPECT_EQ(service_->library(id_).images, 7u);
    EXPECT_EQ(service_->ledger(id_, 0).totals.at(0).encoded, 2);
}

// The ranking computed by hand from the encoders' vectors.
std::vector<std::uint32_t> rankingByHand(const std::vector<std::vector<float>>& first,
                                         const std::vector<std::vector<float>>& second,
                                         const std::vector<float>& first_query,
                                         const std::vector<float>& second_query, std::size_t keep) {
    const auto dot = [](const auto& a, const auto& b) {
        return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    };
    std::vector<std::uint32_t> order(first.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return dot(first[a], first_query) > dot(first[b], first_query); });
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(keep),
              [&](auto a, auto b) { return dot(second[a], second_query) > dot(second[b], second_query); });
    return order;
}

struct ByHand {
    std::vector<std::vector<float>> images;
    std::vector<float> text;
};

ByHand vectorsOf(const std::string& model_name, const std::vector<ImageEntry>& entries, const std::string& text) {
    const auto model = clip::ClipModel::load(dataFolder() / model_name);
    kernels::ThreadPool pool(1);
    clip::ClipRuntime runtime(pool);
    ByHand result;
    std::vector<float> pixels(model->pixelCount());
    for (const ImageEntry& entry : entries) {
        model->preprocess(image::decodeImage(image::readImageFile(entry.path), entry.path), pixels.data());
        model->encodePixels(pixels.data(), 1, result.images.emplace_back(model->width()).data(), runtime);
    }
    const TokenIds ids[] = {model->tokenize(text)};
    result.text.resize(model->width());
    model->encodeTexts(ids, result.text.data(), runtime);
    return result;
}

TEST_F(ImageLibrary, ACascadeRanksAsItsDefinitionSays) {
    addPictures(40);
    scan();
    const auto entries = service_->images(id_, 0, 100);
    const ByHand first = vectorsOf("plain", entries, "a photo of a cat");
    const ByHand second = vectorsOf("variant", entries, "a photo of a cat");
    for (const std::size_t keep : {1u, 12u, 40u}) {
        const QueryOutcome outcome = service_->query(id_, textQuery(keep), true);
        EXPECT_EQ(outcome.result.ranking, rankingByHand(first.images, second.images, first.text, second.text, keep))
            << keep;
        EXPECT_EQ(outcome.result.stages[1].in, keep);
        EXPECT_EQ(outcome.entries[0].path, entries[outcome.result.ranking[0]].path);
        const auto& counts = outcome.result.stages[0].histogram.counts;
        EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), 40);
    }
}

// Three levels, the last by the first encoder again: what falls at a level stays behind what it keeps, in the order
// of that level.
TEST_F(ImageLibrary, AFullRankingHasEveryLevelsFallenInTheirOrder) {
    addPictures(30);
    scan();
    const auto entries = service_->images(id_, 0, 100);
    const ByHand first = vectorsOf("plain", entries, "a photo of a cat");
    const ByHand second = vectorsOf("variant", entries, "a photo of a cat");
    auto wanted = rankingByHand(first.images, second.images, first.text, second.text, 14);
    const auto dot = [&](std::uint32_t image) {
        return std::inner_product(first.text.begin(), first.text.end(), first.images[image].begin(), 0.0);
    };
    std::sort(wanted.begin(), wanted.begin() + 5, [&](auto a, auto b) { return dot(a) > dot(b); });
    QueryRequest request = textQuery(14);
    request.stages = {{"plain", 14}, {"variant", 5}, {"plain", 0}};
    const QueryOutcome outcome = service_->query(id_, request, false);
    EXPECT_EQ(outcome.result.ranking, wanted);
    EXPECT_EQ(outcome.result.stages[2].in, 5u);
}

TEST_F(ImageLibrary, VectorsAreKeptForEver) {
    addPictures(20);
    scan();
    EXPECT_EQ(service_->query(id_, textQuery(8), true).result.stages[1].encoded, 8u);
    EXPECT_EQ(service_->query(id_, textQuery(8), true).result.stages[1].encoded, 0u);
    open();
    const QueryOutcome again = service_->query(id_, textQuery(8), true);
    EXPECT_EQ(again.result.stages[1].encoded, 0u) << "after a restart";
    EXPECT_EQ(again.result.stages[1].cached, 8u);
    EXPECT_EQ(service_->query(id_, textQuery(11), true).result.stages[1].encoded, 3u);
}

TEST_F(ImageLibrary, WeightsAndImagesSteerTheQuery) {
    addPictures(20);
    scan();
    QueryRequest request;
    request.stages = {{"plain", 0}};
    request.depth = 20;
    const ImageId liked = service_->images(id_, 7, 1)[0].id;
    request.terms = {{"", liked, 1}};
    EXPECT_EQ(service_->query(id_, request, false).entries[0].id, liked) << "an image is most like itself";
    request.terms = {{"", liked, -1}};
    EXPECT_EQ(service_->query(id_, request, false).entries.back().id, liked);
    request.terms = {{"a cat", 0, 1}, {"a dog", 0, -0.5}};
    const auto away = service_->query(id_, request, false).result.ranking;
    request.terms = {{"a cat", 0, 2}, {"a dog", 0, -1}};
    EXPECT_EQ(service_->query(id_, request, false).result.ranking, away) << "only proportions count";
    request.terms = {{"a cat", 0, 1}, {"a cat", 0, -1}};
    EXPECT_THROW(service_->query(id_, request, false), Error);
    request.terms = {{"", 12345, 1}};
    EXPECT_THROW(service_->query(id_, request, false), Error);
    request.terms.clear();
    EXPECT_THROW(service_->query(id_, request, false), Error);
    request = textQuery(0);
    EXPECT_THROW(service_->query(id_, request, false), Error);
    request.stages = {{"nobody", 0}};
    EXPECT_THROW(service_->query(id_, request, false), Error);
}

// A picture that is in no library steers as one of the library does, and is not kept.
TEST_F(ImageLibrary, APictureFromOutsideIsLookedFor) {
    addPictures(20);
    scan();
    QueryRequest request = textQuery(6);
    request.terms = {{"mine.jpg", 0, 1, jpegOf(7)}};
    const QueryOutcome outcome = service_->query(id_, request, true);
    EXPECT_THAT(outcome.entries[0].path, testing::EndsWith("007.jpg"));
    EXPECT_NEAR(outcome.result.stages[1].order[0].score, 1, 1e-5);
    EXPECT_EQ(outcome.result.stages[0].text_flops, service_->encoders().info("plain").image_flops);
    EXPECT_EQ(service_->library(id_).images, 20u);
    EXPECT_EQ(service_->ledger(id_, 1).entries.at(0).text, "picture mine.jpg");
    request.terms = {{"new.jpg", 0, 1, jpegOf(500)}};
    EXPECT_LT(service_->query(id_, request, true).result.stages[1].order[0].score, 1 - 1e-5);
    for (const std::string& broken : {std::string("no picture"), jpegOf(7).substr(0, 200)}) {
        request.terms = {{"mine.jpg", 0, 1, broken}};
        EXPECT_THROW(service_->query(id_, request, true), Error);
    }
}

TEST_F(ImageLibrary, TheLedgerAddsUp) {
    addPictures(30);
    scan();
    for (const char* text : {"a cat", "two dogs", "a house near the sea", "a cat"}) {
        service_->query(id_, textQuery(6, text), true);
    }
    const LedgerReport report = service_->ledger(id_, 1000);
    EXPECT_EQ(report.queries, 4u);
    ASSERT_EQ(report.totals.size(), 2u);
    EXPECT_EQ(report.totals[0].encoded, 30);
    const auto& infos = service_->encoders().list();
    EXPECT_DOUBLE_EQ(report.totals[0].flops, 30 * infos[0].image_flops);
    EXPECT_DOUBLE_EQ(report.totals[1].flops, static_cast<double>(report.totals[1].encoded) * infos[1].image_flops);
    ASSERT_EQ(report.curve.size(), 4u);
    EXPECT_EQ(report.curve.back().query, 4);
    EXPECT_NEAR(report.curve.back().flops, report.totals[0].flops + report.totals[1].flops, 1);
    EXPECT_DOUBLE_EQ(report.curve.back().touched.at(0), static_cast<double>(report.totals[1].encoded) / 30);
    EXPECT_DOUBLE_EQ(report.curve[3].touched[0], report.curve[2].touched[0])
        << "the fourth query asked for the first's images";
    const auto searches = std::count_if(report.entries.begin(), report.entries.end(),
                                        [](const LedgerEntry& e) { return e.kind == LedgerEntry::Kind::Search; });
    EXPECT_EQ(searches, 8) << "two stages of four queries";
    EXPECT_EQ(report.entries.front().text, "a cat");
}

TEST_F(ImageLibrary, SimulationsRunOnItsOwnPictures) {
    addPictures(50);
    scan();
    SimulationSettings settings;
    settings.queries = 300;
    settings.keep = {5, 2};
    settings.draw = Draw::Fraction;
    settings.fraction = 0.1;
    const auto [images, points] = service_->simulate(id_, "plain", settings);
    EXPECT_EQ(images, 50u);
    EXPECT_DOUBLE_EQ(points.front().touched[0].mean, 0.1) << "five of fifty";
    EXPECT_LE(points.back().touched[0].high, 0.5) << "five wanted images with five each";
    EXPECT_GE(points.back().touched[1].low, 0.1) << "each is its own best match";
}

TEST_F(ImageLibrary, EvaluationsKnowWhereEveryCaptionEnds) {
    addPictures(12);
    scan();
    EvaluationSettings settings;
    settings.variants = {{{"plain", 0}}, {{"variant", 0}}, {{"plain", 4}, {"variant", 0}}};
    const std::vector<std::string> texts{"a cat", "two dogs", "a house", "snow", "the sea at night", "apples"};
    for (std::size_t t = 0; t < texts.size(); ++t) {
        settings.captions.push_back({fmt::format("{:03}.jpg", t), texts[t]});
    }
    settings.captions.push_back({"missing.jpg", "not in the library"});
    EvaluationHooks hooks = service_->evaluationHooks(id_);
    hooks.measured = [](const std::string& encoder) { return encoder == "plain" ? 1.0 : 4.0; };
    EvaluationResult result;
    service_->withSearch(id_, [&](const SearchContext& context) { result = evaluate(settings, context, hooks); });
    EXPECT_EQ(result.captions, 6u);
    for (std::size_t v = 0; v < settings.variants.size(); ++v) {
        for (const std::size_t k : {1u, 5u, 10u}) {
            std::size_t found = 0;
            for (std::size_t t = 0; t < texts.size(); ++t) {
                QueryRequest request = textQuery(4, texts[t]);
                request.stages = settings.variants[v];
                const auto ranking = service_->query(id_, request, false).result.ranking;
                found += std::find(ranking.begin(), ranking.begin() + static_cast<std::ptrdiff_t>(k), t) !=
                         ranking.begin() + static_cast<std::ptrdiff_t>(k);
            }
            EXPECT_DOUBLE_EQ(result.rows[v].recall.at(k).mean, static_cast<double>(found) / 6) << v << " at " << k;
        }
    }
    EXPECT_DOUBLE_EQ(result.rows[2].factor, 4 / (1 + 0.1 * 4));
    EXPECT_EQ(result.reference, "variant");
    EXPECT_DOUBLE_EQ(result.rows[0].factor, 4) << "the cheap encoder alone, against the dear one";
    EXPECT_DOUBLE_EQ(result.rows[0].own_factor, 1) << "against itself";
    EXPECT_DOUBLE_EQ(result.rows[1].factor, 1);
    EXPECT_DOUBLE_EQ(result.rows[2].cold_seconds, 16);
    const LedgerReport report = service_->ledger(id_, 1);
    EXPECT_EQ(report.entries.at(0).kind, LedgerEntry::Kind::Evaluation);
    EXPECT_EQ(report.totals.size(), 1u) << "an evaluation is no part of the library's lifetime";
}

TEST(Captions, AreReadLineByLine) {
    TemporaryFolder folder;
    writeBytes(folder / "c.jsonl",
               "{\"file\": \"a.jpg\", \"caption\": \"x\"}\n\n{\"file\": \"b.jpg\", \"caption\": \"y\"}");
    const auto captions = readCaptions(folder / "c.jsonl");
    ASSERT_EQ(captions.size(), 2u);
    EXPECT_EQ(captions[1].file, "b.jpg");
    writeBytes(folder / "c.jsonl", "{\"file\": \"a.jpg\", \"caption\": \"x\"}\n{\"file\": 3}\n");
    EXPECT_THROW(readCaptions(folder / "c.jsonl"), Error);
}

TEST(Wilson, HoldsKnownIntervals) {
    const Recall half = wilson(50, 100);
    EXPECT_NEAR(half.low, 0.4038, 1e-4);
    EXPECT_NEAR(half.high, 0.5962, 1e-4);
    EXPECT_EQ(wilson(0, 10).low, 0);
    EXPECT_NEAR(wilson(0, 10).high, 0.2775, 1e-4);
}

TEST(VectorFileOnDisk, KeepsRowsAndRefusesStrangers) {
    TemporaryFolder folder;
    const std::vector<float> rows{1, 2, 3, 4, 5, 6};
    {
        VectorFile file(folder / "v.fvec", 3, 0);
        EXPECT_EQ(file.append(rows), 0u);
        EXPECT_EQ(file.append(rows), 2u);
        file.sync();
        EXPECT_EQ(file.row(3)[2], 6.0f);
    }
    {
        const VectorFile file(folder / "v.fvec", 3, 1);
        EXPECT_EQ(file.rows(), 1u) << "rows that were never committed are cut off";
    }
    EXPECT_THROW(VectorFile(folder / "v.fvec", 3, 2), Error) << "fewer rows than the database knows";
    EXPECT_THROW(VectorFile(folder / "v.fvec", 4, 0), Error) << "another width";
    writeBytes(folder / "other.fvec",
               "not a vector file, but long enough to have a header of sixty-four bytes in it");
    EXPECT_THROW(VectorFile(folder / "other.fvec", 3, 0), Error);
}

} // namespace
} // namespace fulgurite::cascade
