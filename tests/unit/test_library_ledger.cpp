// SPDX-License-Identifier: Apache-2.0
// What the ledger of an image library must never lose or mix up: costs by checkpoint and not by name, what a
// stopped query has encoded, pictures that several files have; and long work that holds no query up.
#include "core/cascade/library_schema.h"
#include "tests/unit/library_fixture.h"

#include <atomic>
#include <gmock/gmock.h>

namespace fulgurite::cascade {
namespace {

using test::dataFolder;
using test::jpegOf;
using test::writeBytes;
namespace fs = std::filesystem;

class LibraryLedger : public test::ImageLibrary {
  protected:
    std::vector<LedgerEntry> entriesOf(LedgerEntry::Kind kind) {
        auto entries = service_->ledger(id_, 1000).entries;
        std::erase_if(entries, [kind](const LedgerEntry& entry) { return entry.kind != kind; });
        return entries;
    }
};

// A folder whose weights are exchanged keeps its name and nothing else.
TEST_F(LibraryLedger, CostsAndVectorsBelongToTheCheckpoint) {
    const fs::path encoder = folder_ / "encoders/mine";
    fs::create_directories(encoder.parent_path());
    fs::copy(dataFolder() / "plain", encoder, fs::copy_options::recursive);
    const auto openMine = [&] { open({.encoders = {encoder}, .watch = false}); };
    addPictures(5);
    openMine();
    EXPECT_FALSE(service_->measuredSeconds("mine").has_value());
    scan();
    const double first = service_->measuredSeconds("mine").value();
    EXPECT_GT(first, 0);
    openMine();
    EXPECT_EQ(service_->measuredSeconds("mine"), first) << "known before it is loaded again";

    service_.reset();
    const fs::path weights = encoder / "model.safetensors";
    const auto before = fs::file_size(weights);
    fs::copy_file(weights, folder_ / "old");
    {
        std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(-4, std::ios::end); // one weight becomes another number
        file.write("\x01\x02\x03\x3d", 4);
    }
    ASSERT_EQ(fs::file_size(weights), before);
    openMine();
    EXPECT_FALSE(service_->measuredSeconds("mine").has_value()) << "of these weights nothing is known";
    scan();
    LedgerReport report = service_->ledger(id_, 0);
    ASSERT_EQ(report.totals.size(), 2u);
    EXPECT_EQ(report.totals[0].encoder, report.totals[1].encoder);
    EXPECT_NE(report.totals[0].checkpoint, report.totals[1].checkpoint);
    EXPECT_EQ(report.totals[0].encoded, 5);
    EXPECT_EQ(report.totals[1].encoded, 5) << "no vector of the other weights was taken";

    service_.reset();
    fs::copy_file(folder_ / "old", weights, fs::copy_options::overwrite_existing);
    openMine();
    scan();
    report = service_->ledger(id_, 0);
    EXPECT_EQ(report.totals[0].encoded + report.totals[1].encoded, 10)
        << "the old weights' vectors are still there";
    EXPECT_EQ(
        service_->query(id_, {.terms = {{"a cat", 0, 1}}, .stages = {{"mine", 0}}}, false).result.stages[0].encoded,
        0u);
    EXPECT_EQ(service_->measuredSeconds("mine"), first);
}

TEST_F(LibraryLedger, AStoppedQuerysEncodingsAreEntered) {
    addPictures(70);
    scan();
    int asked = 0;
    EXPECT_THROW(service_->query(id_, textQuery(60), true, [&] { return ++asked > 2; }), Error);
    EXPECT_EQ(service_->ledger(id_, 0).queries, 0u) << "it was not answered";
    auto encodings = entriesOf(LedgerEntry::Kind::Query);
    ASSERT_EQ(encodings.size(), 1u);
    EXPECT_EQ(encodings[0].items, 32) << "one batch";
    EXPECT_EQ(encodings[0].query, 0);
    EXPECT_EQ(service_->query(id_, textQuery(60), true).result.stages[1].encoded, 28u);
    encodings = entriesOf(LedgerEntry::Kind::Query);
    EXPECT_EQ(encodings[0].items, 28);
    EXPECT_EQ(encodings[0].query, 1);
    EXPECT_EQ(encodings[0].cached, 32);
    EXPECT_GE(encodings[0].wall, encodings[0].seconds);
}

// A query that leaves no trace leaves its vectors, so it must leave their cost.
TEST_F(LibraryLedger, ATrialPaysForWhatItEncodes) {
    addPictures(20);
    scan();
    service_->query(id_, textQuery(8), false);
    EXPECT_EQ(service_->ledger(id_, 0).queries, 0u);
    const auto encodings = entriesOf(LedgerEntry::Kind::Query);
    ASSERT_EQ(encodings.size(), 1u);
    EXPECT_EQ(encodings[0].items, 8);
    EXPECT_TRUE(entriesOf(LedgerEntry::Kind::Search).empty());
    service_->query(id_, textQuery(8), false);
    EXPECT_EQ(entriesOf(LedgerEntry::Kind::Query).size(), 1u) << "nothing was encoded again";
}

TEST_F(LibraryLedger, FilesOfTheSameBytesAreOnePicture) {
    addPictures(4);
    for (int copy = 0; copy < 8; ++copy) {
        fs::copy(pictures() / "000.jpg", pictures() / fmt::format("copy{}.jpg", copy));
    }
    scan();
    const LedgerReport report = service_->ledger(id_, 0);
    EXPECT_EQ(service_->library(id_).images, 12u);
    EXPECT_EQ(report.images, 4u) << "encoding everything would encode four";
    EXPECT_EQ(report.totals.at(0).encoded, 4);
    const LibraryId second = service_->create("second", {pictures().string()});
    service_->scan(second, ScanAction::Start);
    service_->waitForScan(second);
    const LedgerReport shared = service_->ledger(second, 10);
    ASSERT_EQ(shared.totals.size(), 1u) << "its first encoder is told, though it encoded nothing";
    EXPECT_EQ(shared.totals[0].encoded, 0);
    EXPECT_EQ(shared.entries.at(0).cached, 12);
    const Simulation simulation =
        service_->simulate(id_, "plain", {.queries = 10, .keep = {2}, .draw = Draw::Random});
    EXPECT_EQ(simulation.images, 4u);
    EXPECT_DOUBLE_EQ(simulation.points.front().touched[0].mean, 0.5);
}

TEST_F(LibraryLedger, TheImagesOfAQueryAreCountedApart) {
    addPictures(20);
    scan();
    QueryRequest request = textQuery(5);
    // Farthest from what is asked for, so that it is not on the short list.
    const ImageId last = service_->query(id_, request, false).entries.back().id;
    request.terms = {{"a photo of a cat", 0, 1}, {"", last, 0.001}};
    const QueryOutcome outcome = service_->query(id_, request, true);
    const StageResult& second = outcome.result.stages[1];
    EXPECT_EQ(second.encoded + second.cached + second.missing, second.in);
    EXPECT_EQ(second.term_encoded, 1u);
    EXPECT_EQ(entriesOf(LedgerEntry::Kind::Query)[0].items,
              static_cast<std::int64_t>(second.encoded + second.term_encoded));
}

// The evaluation lets go of the encoders between its batches: a query asked meanwhile is answered before it ends.
TEST_F(LibraryLedger, AnEvaluationHoldsNoQueryUp) {
    addPictures(40);
    scan();
    EvaluationSettings settings;
    settings.variants = {{{"plain", 0}}, {{"plain", 10}, {"variant", 0}}};
    for (int caption = 0; caption < 320; ++caption) {
        settings.captions.push_back({fmt::format("{:03}.jpg", caption % 40), fmt::format("thing {}", caption)});
    }
    std::thread asking;
    std::atomic<bool> answered = false;
    bool answered_within = false;
    EvaluationHooks hooks = service_->evaluationHooks(id_);
    hooks.progress = [&](double share) {
        if (!asking.joinable()) {
            asking = std::thread([&] {
                service_->query(id_, textQuery(3), false);
                answered = true;
            });
            std::this_thread::sleep_for(std::chrono::milliseconds(300)); // it waits for its turn by now
        } else if (share < 1) {
            answered_within = answered_within || answered;
        }
    };
    service_->withSearch(id_, [&](const SearchContext& context) { evaluate(settings, context, hooks); });
    asking.join();
    EXPECT_TRUE(answered_within);
    EXPECT_EQ(entriesOf(LedgerEntry::Kind::Evaluation).size(), 1u) << "one entry, however many batches and pauses";
}

TEST_F(LibraryLedger, ASimulationHoldsNoQueryUpEither) {
    addPictures(10);
    scan();
    std::atomic<bool> answered = false;
    std::thread asking([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        service_->query(id_, textQuery(3), false);
        answered = true;
    });
    // It would take minutes, and is told to stop when the query has its answer.
    service_->simulate(id_, "plain", {.queries = 10'000'000, .keep = {3}, .seeds = 100},
                       [&] { return answered.load(); });
    EXPECT_TRUE(answered);
    asking.join();
}

TEST_F(LibraryLedger, ACostBeforeAnythingWasMeasuredIsDeclared) {
    addPictures(3);
    scan();
    const std::vector<QueryStage> chain{{"plain", 2}, {"variant", 0}};
    StageCosts costs = service_->costsOf(chain);
    EXPECT_FALSE(costs.measured);
    EXPECT_DOUBLE_EQ(costs.each[1], service_->encoders().info("variant").image_flops);
    service_->query(id_, textQuery(2), true);
    costs = service_->costsOf(chain);
    EXPECT_TRUE(costs.measured);
    EXPECT_LT(costs.each[1], 1) << "seconds";
}

// A ledger of the time when entries had the encoder's name alone.
TEST(LibraryLedgerFile, AnOldOnesEntriesAreGivenToTheOnlyCheckpointOfTheirName) {
    const TemporaryFolder folder;
    {
        Database database(folder / "images.fulgurite", {kImagesApplicationId, "image library", 0});
        migrate(database, imagesMigrations().first(1));
        database.execute(R"sql(
            INSERT INTO libraries(id, name, created) VALUES (1, 'L', 0);
            INSERT INTO encoders(id, hash, name, width) VALUES (7, 'a', 'one', 4), (8, 'b', 'two', 4), (9, 'c', 'two', 4);
            INSERT INTO ledger(library, query, time, kind, stage, encoder, items, cached, seconds, flops, bytes)
                VALUES (1, 0, 0, 0, 0, 'one', 10, 0, 2.0, 1, 1), (1, 0, 0, 0, 0, 'two', 10, 0, 2.0, 1, 1);
        )sql");
    }
    LibraryStore store(folder / "");
    EXPECT_EQ(store.measuredSeconds(7), 0.2);
    EXPECT_FALSE(store.measuredSeconds(8).has_value()) << "nobody knows whose it is";
    const auto totals = store.totals(1);
    ASSERT_EQ(totals.size(), 2u);
    EXPECT_EQ(totals[1].checkpoint, 0);
    EXPECT_EQ(totals[1].encoded, 10) << "it was spent all the same";
}

} // namespace
} // namespace fulgurite::cascade
