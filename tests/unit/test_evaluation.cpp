// SPDX-License-Identifier: Apache-2.0
// Metrics, intervals, the published result files and an evaluation of a small collection from end to end.
#include "core/base/error.h"
#include "core/retrieval/evaluation.h"
#include "core/retrieval/fusion_prompts.h"
#include "core/retrieval/results/result_figures.h"
#include "core/retrieval/results/result_file.h"
#include "tests/support/golden_models.h"
#include "tests/unit/letter_embedder.h"
#include "tests/unit/published_results.h"
#include "tests/unit/test_paths.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fulgurite::retrieval {
namespace {

using test::LetterEmbedder;
using test::TemporaryFolder;
using testing::HasSubstr;

double of(const MetricValues& values, Metric metric) {
    return values[static_cast<std::size_t>(metric)];
}

TEST(Metrics, CountItemsLabelsAndDocuments) {
    const std::vector<DocumentFacts> facts{{"a", "x"}, {"b", "x"}, {"c", "y"}, {"t", "z"}, {"t", "z"}, {"d", "y"}};
    const Relevance relevance{{"a", "t"}, {"x", "z"}, {0, 3, 4}};
    const std::vector<std::int32_t> ranking{5, 1, 4, 3, 0};
    const MetricValues two = judge(ranking, 2, relevance, facts);
    EXPECT_EQ(of(two, Metric::SuccessRatio), 0.0);
    EXPECT_EQ(of(two, Metric::CategorySuccessRatio), 0.5); // b has the label of a
    EXPECT_NEAR(of(two, Metric::Weighted), 0.5 / 3, 1e-15);
    const MetricValues four = judge(ranking, 4, relevance, facts);
    EXPECT_EQ(of(four, Metric::SuccessRatio), 0.5);
    EXPECT_EQ(of(four, Metric::Success), 0.0);
    EXPECT_EQ(of(four, Metric::CategorySuccess), 1.0);
    EXPECT_NEAR(of(four, Metric::Recall), 2.0 / 3, 1e-15);
    // t at place 3; the second document of t brings nothing. The best order has both items in front.
    EXPECT_NEAR(of(four, Metric::Ndcg), 0.5 / (1 + 1 / std::log2(3.0)), 1e-15);
    const MetricValues all = judge(ranking, 32, relevance, facts);
    EXPECT_EQ(of(all, Metric::Success), 1.0);
    EXPECT_EQ(of(all, Metric::Recall), 1.0);
    EXPECT_NEAR(of(all, Metric::Ndcg), (0.5 + 1 / std::log2(6.0)) / (1 + 1 / std::log2(3.0)), 1e-15);
}

TEST(Bootstrap, RepeatsAndCoversTheMean) {
    const std::vector<double> values{0.1, 0.4, 0.2, 0.9, 0.5, 0.3, 0.6, 0.7};
    const Interval one = bootstrap(values, 2000, 7);
    const Interval two = bootstrap(values, 2000, 7);
    EXPECT_EQ(one.low, two.low);
    EXPECT_EQ(one.high, two.high);
    EXPECT_NE(bootstrap(values, 2000, 8).low, one.low);
    EXPECT_NEAR(one.mean, 0.4625, 1e-12);
    // The standard error is 0.0866; percentiles of 2,000 means lie near 1.96 of it on either side.
    EXPECT_NEAR(one.low, 0.4625 - 1.96 * 0.0866, 0.03);
    EXPECT_NEAR(one.high, 0.4625 + 1.96 * 0.0866, 0.03);
    EXPECT_LT(one.p, 0.01);
    const std::vector<double> nothing{-0.2, 0.2, -0.1, 0.1};
    EXPECT_GT(bootstrap(nothing, 2000, 7).p, 0.5);
    EXPECT_EQ(bootstrap(std::vector<double>{0.5, 0.5}, 100, 1).low, 0.5);
}

TEST(Metrics, ATitleCountsWhereDocumentsHaveTopics) {
    // Two documents of topic t; the query names one of them by its title, another query topic and title.
    const std::vector<DocumentFacts> facts{{"t", "z", "first"}, {"t", "z", "second"}, {"u", "y", "third"}};
    const Relevance title{{"second"}, {"z"}, {1}};
    EXPECT_EQ(of(judge(std::vector<std::int32_t>{0, 2, 1}, 2, title, facts), Metric::SuccessRatio), 0.0);
    EXPECT_EQ(of(judge(std::vector<std::int32_t>{0, 2, 1}, 3, title, facts), Metric::SuccessRatio), 1.0);
    const Relevance both{{"t", "second"}, {"z"}, {0, 1}};
    const MetricValues values = judge(std::vector<std::int32_t>{1, 0, 2}, 2, both, facts);
    EXPECT_EQ(of(values, Metric::Success), 1.0);
    EXPECT_LE(of(values, Metric::Ndcg), 1.0);
}

class Published : public testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(test::sharedData("mrag/results"))) {
            GTEST_SKIP() << "no published results on this machine";
        }
        for (const char* name :
             {"wikipedia_v1_sfr.json", "wikipedia_v1_e5.json", "legal_sfr.json", "chem_sfr.json"}) {
            files_.emplace(name, ResultFile::read(test::sharedData("mrag/results") / name));
        }
    }
    std::map<std::string, ResultFile> files_;
};

constexpr double kThreeDigits = 0.0005 + 1e-9;

TEST_F(Published, MeansAreTheTables) {
    for (const test::PublishedMean& row : test::kPublishedMeans) {
        SCOPED_TRACE(testing::Message() << row.file << " " << row.strategy << " n " << row.n << " k " << row.k);
        const ResultFile& file = files_.at(row.file);
        EXPECT_NEAR(file.mean(row.strategy, row.n, row.k, Metric::SuccessRatio), row.success_ratio, kThreeDigits);
        EXPECT_NEAR(file.mean(row.strategy, row.n, row.k, Metric::CategorySuccessRatio), row.category_success_ratio,
                    kThreeDigits);
        EXPECT_NEAR(file.mean(row.strategy, row.n, row.k, Metric::Weighted), row.weighted, kThreeDigits);
    }
}

TEST_F(Published, GainsAreTheTable) {
    constexpr std::size_t kItems[] = {5, 10, 15, 20};
    for (const test::PublishedGain& row : test::kPublishedGains) {
        for (std::size_t i = 0; i < 4; ++i) {
            SCOPED_TRACE(testing::Message() << row.file << " " << row.strategy << " n " << kItems[i]);
            // The table was rounded to four digits on its way to three: 0.06145 became 0.0615 and then 0.062.
            EXPECT_NEAR(files_.at(row.file).averageGain(row.strategy, kItems[i]), row.gain[i],
                        kThreeDigits + 0.00005);
        }
    }
}

TEST_F(Published, LargestGainsOfMragAreThoseReported) {
    const ResultFile& file = files_.at("wikipedia_v1_sfr.json");
    EXPECT_NEAR(file.mean("mrag", 10, 25, Metric::CategorySuccessRatio), 0.712, kThreeDigits);
    EXPECT_NEAR(file.mean("standard", 10, 25, Metric::CategorySuccessRatio), 0.376, kThreeDigits);
    EXPECT_NEAR(file.mean("mrag", 6, 15, Metric::SuccessRatio), 0.640, kThreeDigits);
    EXPECT_NEAR(file.mean("standard", 6, 15, Metric::SuccessRatio), 0.413, kThreeDigits);
}

const FigureSeries* seriesOf(const std::vector<Figure>& figures, const std::string& name, const std::string& panel,
                             const std::string& strategy) {
    for (const Figure& figure : figures) {
        for (const FigurePanel& each : figure.panels) {
            for (const FigureSeries& series : each.series) {
                if (figure.name == name && each.title == panel && series.strategy == strategy) {
                    return &series;
                }
            }
        }
    }
    return nullptr;
}

// What the plots show is what the tables say.
TEST_F(Published, PlotsShowTheNumbersOfTheTables) {
    const auto meanOf = [](const std::vector<double>& values) { return boxOf(values).mean; };
    std::size_t compared = 0;
    for (const auto& [name, file] : files_) {
        const std::vector<Figure> figures = resultFigures(file);
        for (const test::PublishedMean& row : test::kPublishedMeans) {
            const std::string panel = "n = " + std::to_string(row.n);
            const FigureSeries* gains = seriesOf(figures, "relative-boxes", panel, row.strategy);
            if (name != row.file || gains == nullptr || row.k < row.n || (row.k - row.n) % 5 != 0 ||
                (row.k - row.n) / 5 >= gains->values.size()) {
                continue;
            }
            const double standard = file.mean("standard", row.n, row.k, Metric::Weighted);
            EXPECT_NEAR(meanOf(gains->values[(row.k - row.n) / 5]), row.weighted - standard, kThreeDigits)
                << row.file << " " << row.strategy << " " << row.n << " " << row.k;
            ++compared;
        }
    }
    EXPECT_GT(compared, 10u);
    const std::vector<Figure> figures = resultFigures(files_.at("wikipedia_v1_sfr.json"));
    EXPECT_EQ(figures.size(), 10u);
    // n = 10, k = 10 and 20 of the table.
    const FigureSeries* mrag = seriesOf(figures, "absolute-success", "n = 10", "mrag");
    ASSERT_NE(mrag, nullptr);
    EXPECT_NEAR(meanOf(mrag->values.front()), 0.296, kThreeDigits);
    EXPECT_NEAR(meanOf(mrag->values.back()), 0.368, kThreeDigits);
    // Queries by hits out of ten, as reported: none with 0, then 1, 3, 3, 6, 10, 1, 1.
    const auto counts = [&](const std::string& strategy) {
        std::vector<double> all;
        for (const std::vector<double>& count :
             seriesOf(figures, "histogram-success", "n = 10, k = 30", strategy)->values) {
            all.push_back(count.front());
        }
        return all;
    };
    EXPECT_THAT(counts("mrag"), testing::ElementsAre(0, 1, 3, 3, 6, 10, 1, 1, 0, 0, 0));
    EXPECT_THAT(counts("standard"), testing::ElementsAre(0, 5, 6, 10, 2, 0, 1, 1, 0, 0, 0));
}

TEST_F(Published, PlotsAreWholePictures) {
    for (const Figure& figure : resultFigures(files_.at("wikipedia_v1_sfr.json"))) {
        const std::string svg = figureSvg(figure);
        EXPECT_TRUE(svg.starts_with("<svg ")) << figure.name;
        EXPECT_TRUE(svg.ends_with("</svg>\n")) << figure.name;
        EXPECT_EQ(svg.find("nan"), std::string::npos) << figure.name;
        EXPECT_EQ(svg.find("inf"), std::string::npos) << figure.name;
    }
    // The sets without fusion have no plot of it.
    for (const Figure& figure : resultFigures(files_.at("legal_sfr.json"))) {
        EXPECT_NE(figure.name, "baselines-high-cost");
    }
}

TEST(Figures, ABoxIsWhatItSays) {
    const BoxStatistics box = boxOf({4, 1, 2, 3, 20});
    EXPECT_EQ(box.median, 3);
    EXPECT_EQ(box.first, 2);
    EXPECT_EQ(box.third, 4);
    EXPECT_EQ(box.mean, 6);
    EXPECT_EQ(box.low, 1);
    EXPECT_EQ(box.high, 4); // 20 lies beyond 4 + 1.5 * 2
    EXPECT_NEAR(box.notch, 1.57 * 2 / std::sqrt(5.0), 1e-12);
    EXPECT_EQ(boxOf({0.5}).high, 0.5);
}

TEST(ResultFiles, ReadBothSpellingsAndRefuseWhatDoesNotFit) {
    const ResultFile older = ResultFile::parse(
        R"({"mrag-strategy-decay": {"2": {"rat": [[0.5, 1]], "suc": [[0, 1]], "category_rat": [[1, 1]], "category_suc": [[1, 1]]}}})",
        "f");
    EXPECT_NEAR(older.mean("mrag-decay", 2, 1, Metric::Weighted), (2 * 0.75 + 1) / 3, 1e-12);
    EXPECT_EQ(older.items("mrag-decay"), std::vector<std::size_t>{2});
    EXPECT_THROW(older.mean("mrag", 2, 1, Metric::Success), Error);
    EXPECT_THROW(older.mean("mrag-decay", 2, 2, Metric::Success), Error);
    EXPECT_THROW(ResultFile::parse("[]", "f"), Error);
    EXPECT_THROW(ResultFile::parse(R"({"mrag": {"x": {}}})", "f"), Error);
    EXPECT_THROW(ResultFile::parse(R"({"best": {}})", "f"), Error);
}

TEST(FusionPrompts, AreTheLinesThatSaySomething) {
    using testing::ElementsAre;
    EXPECT_THAT(fusionPrompts("1. first one\n2) \"second\"\n\n- third\r\n* third\n3 mice\nsixth"),
                ElementsAre("first one", "second", "third", "3 mice"));
    EXPECT_THAT(fusionPrompts(" \n\t\n"), testing::IsEmpty());
    EXPECT_THAT(fusionPrompts("only", 1), ElementsAre("only"));
    EXPECT_THAT(fusionRequest("the text"), HasSubstr("Text: the text"));
}

class EvaluationTest : public testing::Test {
  protected:
    EvaluationTest() : collections_(folder_ / "data") {
        collections_.create({.name = "c"}, embedder_.info());
        // Every head sees one letter of each document, and all heads have the same score.
        std::ofstream(folder_ / "articles.json") << R"([
            {"title": "A", "label": "a", "text": "aaaahhhhoooovvvv"}, {"title": "B", "label": "b", "text": "bbbbiiiippppwwww"},
            {"title": "C", "label": "c", "text": "ccccjjjjqqqqxxxx"}, {"title": "D", "label": "d", "text": "ddddkkkkrrrryyyy"},
            {"title": "E", "label": "e", "text": "eeeellllsssszzzz"}])";
        // Two heads of the first query find A and two find B: a tie, which the first head decides.
        std::ofstream(folder_ / "queries.json") << R"([
            {"topics": ["A"], "text": "ahpw", "fusion": ["ahov"]}, {"topics": ["D"], "text": "dkry", "fusion": ["dk"]},
            {"topics": ["A", "C"], "text": "aahhoovv cjqx", "fusion": ["ahov", "cjqx"]},
            {"topics": ["D", "missing"], "text": "d"}])";
        for (const char* file : {"articles.json", "queries.json"}) {
            const std::filesystem::path path = folder_ / file;
            collections_.ingest("c", std::span(&path, 1), embedder_);
        }
        request_.query_set = "queries";
        request_.strategies = {"standard", "mrag", "fusion", "bm25"};
        request_.nearest = 1;
        request_.offset = 0;
        request_.resamples = 200;
    }

    EvaluationResult run() { return evaluate(collections_, "c", request_, embedder_, pool_); }

    TemporaryFolder folder_;
    LetterEmbedder embedder_;
    kernels::ThreadPool pool_{1};
    Collections collections_;
    EvaluationRequest request_;
};

TEST_F(EvaluationTest, GivesTheNumbersOfItsRankings) {
    const EvaluationResult result = run();
    EXPECT_EQ(result.left_out, 1u);
    ASSERT_EQ(result.rows.size(), 8u); // four strategies, two numbers of items
    for (const EvaluationRow& row : result.rows) {
        SCOPED_TRACE(row.strategy);
        const double found = row.metrics[static_cast<std::size_t>(Metric::SuccessRatio)].mean;
        if (row.items == 1) {
            EXPECT_EQ(row.queries, 2u);
            EXPECT_EQ(found, row.strategy == "bm25" ? 0.0 : 1.0); // no word of a query is in a document
        } else if (row.strategy == "standard") {
            EXPECT_EQ(found, 1.0); // the query counts the letters of A and C
        }
    }
    const auto& matrix = result.matrices.at("mrag").at(2);
    ASSERT_EQ(matrix.size(), 32u);
    ASSERT_EQ(matrix[0].size(), 1u);
    const ResultFile file = ResultFile::parse(resultFileJson(result.matrices), "own");
    EXPECT_EQ(file.mean("standard", 1, 1, Metric::SuccessRatio), 1.0);
    // The plots of an own run: its own numbers of aspects stand in for the published ones.
    const std::vector<Figure> figures = resultFigures(file);
    const FigureSeries* gains = seriesOf(figures, "relative-boxes", "n = 1", "mrag");
    ASSERT_NE(gains, nullptr);
    EXPECT_EQ(gains->values.front().size(), 2u);
    EXPECT_THAT(figuresCsv(figures), HasSubstr("relative-boxes,\"n = 2\",2,mrag,1,"));
}

TEST_F(EvaluationTest, TheSameRecordMeansTheSameNumbers) {
    const EvaluationResult first = run();
    const EvaluationResult second = run();
    EXPECT_EQ(first.record, second.record);
    nlohmann::json a = nlohmann::json::parse(evaluationJson(first));
    nlohmann::json b = nlohmann::json::parse(evaluationJson(second));
    a.erase("created");
    b.erase("created");
    EXPECT_EQ(a, b);
    request_.seed = 2;
    EXPECT_NE(run().record, first.record);
    request_.seed = 1;
    request_.nearest = 2;
    EXPECT_NE(run().record, first.record);
    const std::string matrices = resultFileJson(first.matrices);
    collections_.keepEvaluation("c", first.record, evaluationJson(first), "");
    EXPECT_THROW(collections_.evaluationMatrices("c", first.record), Error); // as earlier versions kept it
    collections_.keepEvaluation("c", first.record, evaluationJson(first), matrices);
    EXPECT_EQ(collections_.evaluations("c").size(), 1u);
    EXPECT_EQ(collections_.evaluationMatrices("c", first.record), matrices);
    EXPECT_THROW(collections_.evaluationMatrices("c", "other"), Error);
}

TEST_F(EvaluationTest, LeavesEachHeadOut) {
    request_.leave_heads_out = true;
    const EvaluationResult result = run();
    ASSERT_EQ(result.without_head.size(), 4u);
    EXPECT_NEAR(result.without_head[0].mean, -1.0 / 3, 1e-12); // B comes first then, for one query of three
    EXPECT_EQ(result.without_head[3].mean, 0.0);
}

TEST_F(EvaluationTest, AQueryOfOnesOwnCountsInACollectionOfTopics) {
    collections_.create({.name = "topics"}, embedder_.info());
    std::ofstream(folder_ / "topics.json") << R"([
        {"title": "A", "label": "a", "topic": "T", "text": "aaaahhhh"}, {"title": "B", "label": "a", "topic": "T", "text": "bbbb"},
        {"title": "C", "label": "c", "topic": "U", "text": "cccc"}])";
    const std::filesystem::path path = folder_ / "topics.json";
    collections_.ingest("topics", std::span(&path, 1), embedder_);
    collections_.addQuery("topics", "own", {.text = "bb", .relevant = {1}});
    collections_.addQuery("topics", "own", {.text = "cc", .items = {"U"}});
    request_.query_set = "own";
    request_.strategies = {"standard"};
    const EvaluationResult result = evaluate(collections_, "topics", request_, embedder_, pool_);
    EXPECT_EQ(result.left_out, 0u);
    ASSERT_EQ(result.rows.size(), 1u);
    EXPECT_EQ(result.rows[0].metrics[static_cast<std::size_t>(Metric::SuccessRatio)].mean, 1.0);
}

// A published set has one; a language model has no vector for it.
TEST_F(EvaluationTest, AQueryThatSaysNothingIsLeftOut) {
    const EvaluationResult before = run();
    collections_.addQuery("c", "queries", {.text = " \n", .relevant = {0}});
    const EvaluationResult after = run();
    EXPECT_EQ(after.left_out, before.left_out + 1);
    EXPECT_EQ(after.rows[0].queries, before.rows[0].queries);
}

TEST_F(EvaluationTest, FusionWithoutPromptsIsRefusedAndNotAZero) {
    collections_.addQuery("c", "queries", {.text = "no prompts here", .relevant = {0}});
    try {
        run();
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
        EXPECT_THAT(error.what(), HasSubstr("fusion cannot be evaluated with the query 'no prompts here'"));
        EXPECT_THAT(error.what(), HasSubstr("search prompts"));
    }
    request_.strategies = {"standard", "mrag"};
    EXPECT_NO_THROW(run());
}

TEST_F(EvaluationTest, RefusesAnotherEmbedder) {
    LetterEmbedder other("other");
    EXPECT_THROW(evaluate(collections_, "c", request_, other, pool_), Error);
    request_.query_set = "none";
    EXPECT_THROW(run(), Error);
}

} // namespace
} // namespace fulgurite::retrieval
