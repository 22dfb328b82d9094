// SPDX-License-Identifier: GPL-3.0-or-later
// The Retrieve page with the real engine: the sample collection is taken in, searched, explained, evaluated, and
// its hits go on to a prompt and to the Inspect page.
#include "ui/engine/local_engine.h"
#include "ui/inspect/capture_bar.h"
#include "ui/pages/inspect_page.h"
#include "ui/pages/prompt_page.h"
#include "ui/pages/retrieve_page.h"
#include "ui/prompt/composer.h"
#include "ui/retrieve/evaluation_panel.h"
#include "ui/retrieve/head_worth_chart.h"
#include "ui/retrieve/hit_detail.h"
#include "ui/retrieve/prompts_dialog.h"
#include "ui/retrieve/query_box.h"
#include "ui/retrieve/rank_columns.h"
#include "ui/retrieve/result_panel.h"
#include "ui/retrieve/result_plot.h"
#include "ui/retrieve/space_map.h"
#include "ui/retrieve/space_panel.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFile>
#include <QPlainTextEdit>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>

using namespace fulgurite;

class TestRetrievePage : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<Desktop> desktop_;

    RetrievePage& page() { return *qobject_cast<RetrievePage*>(desktop_->window().page("retrieve")); }
    RetrieveSession& session() { return page().session(); }
    bool run(const char* action) { return desktop_->context().actions.run(QLatin1String(action)); }
    template <class T>
    T& part() {
        return *page().findChild<T*>();
    }

  private slots:
    void initTestCase() {
        if (LocalEngine::findProgram().isEmpty() || LocalEngine::includedModel().isEmpty()) {
            QFAIL("the engine or the included model is missing");
        }
        folder_ = std::make_unique<QTemporaryDir>();
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->path(), .open = {}, .with_engine = true});
        desktop_->window().resize(1440, 900);
        desktop_->show();
        desktop_->window().showPage("retrieve");
        QTRY_VERIFY_WITH_TIMEOUT(page().controller().obstacle().isEmpty(), 60000);
    }
    void cleanupTestCase() { desktop_.reset(); }

    void theSampleIsTakenInAndSearched() {
        QVERIFY(run("retrieve.sample"));
        // Its first question with two answers is asked as soon as the collection is whole.
        QTRY_VERIFY_WITH_TIMEOUT(session().reply() != nullptr, 120000);
        QCOMPARE(session().columns().size(), std::size_t(3));
        QCOMPARE(session().relevant().size(), std::size_t(2));
        QVERIFY(session().documents().total() > 40);
        for (const RankColumn& column : session().columns()) {
            QVERIFY2(column.problem.isEmpty(), qPrintable(column.problem));
            QVERIFY(column.hits.size() >= 10);
        }
        // The window's ranking is the engine's.
        const auto& results = session().reply()->results;
        const auto mrag =
            std::find_if(results.begin(), results.end(), [](const auto& each) { return each.strategy == "mrag"; });
        QVERIFY(mrag != results.end());
        const RankColumn& shown = session().columns()[2];
        for (std::size_t i = 0; i < mrag->documents.size(); ++i) {
            QCOMPARE(shown.hits[i].document, mrag->documents[i]);
        }
    }

    void headsOffRankAnewAndComeBack() {
        const auto before = session().columns()[2].hits;
        QVERIFY(session().heads().size() == 6);
        session().heads().set({1, 0, 1, 0, 1, 0});
        QVERIFY(session().columns()[2].hits != before);
        QVERIFY(run("retrieve.undo_heads"));
        QCOMPARE(session().columns()[2].hits, before);
        // Other rules come from the same lists, without the engine.
        session().setStrategies({"standard", "mrag", "mrag-decay"});
        QVERIFY(session().columns()[2].problem.isEmpty());
        session().setStrategies({"standard", "split", "mrag"});
    }

    void aHitIsExplained() {
        RankColumns& columns = part<RankColumns>();
        QSignalSpy explained(&columns.detail(), &HitDetail::explained);
        session().select(session().columns()[2].hits[0].document, 2);
        QVERIFY(run("retrieve.explain"));
        QTRY_VERIFY(explained.count() > 0);
        const QString sentence = columns.detail().sentence();
        QVERIFY2(sentence.startsWith("Without head") || sentence.startsWith("No group"), qPrintable(sentence));
        // What the sentence says is what happens.
        if (!columns.detail().group().empty()) {
            const std::int32_t document = session().document();
            session().heads().switchOff(columns.detail().group());
            QVERIFY(session().columns()[2].place(document) != 0);
            session().heads().undo();
            QCOMPARE(session().columns()[2].place(document), 0);
        }
    }

    void mapsAreBrushedIntoTheLists() {
        SpacePanel& spaces = part<SpacePanel>();
        QTRY_VERIFY_WITH_TIMEOUT(spaces.standardMap().projection() != nullptr, 20000);
        QTRY_VERIFY_WITH_TIMEOUT(spaces.headMap().projection() != nullptr, 20000);
        const auto count = session().documents().total();
        QCOMPARE(spaces.headMap().projection()->x.size(), count);
        session().setBrush(spaces.headMap().inRectangle(spaces.headMap().fullRange()));
        QCOMPARE(session().brush().count, count);
        QVERIFY(run("retrieve.filter"));
        QVERIFY(run("retrieve.clear_brush"));
        QCOMPARE(session().brush().count, std::size_t(0));
    }

    void theQuerySetIsEvaluated() {
        EvaluationPanel& panel = part<EvaluationPanel>();
        QVERIFY(run("retrieve.evaluate"));
        QTRY_VERIFY_WITH_TIMEOUT(!page().controller().evaluations().empty(), 30000);
        const client::Evaluation& evaluation = page().controller().evaluations().front();
        QVERIFY(!evaluation.record.empty());
        QCOMPARE(panel.model().rowCount(), 3); // strategies
        QVERIFY(panel.model().queries() > 0);
    }

    // The plots of the run show the numbers of its table.
    void theEvaluationIsPlotted() {
        ResultPanel& panel = part<ResultPanel>();
        QVERIFY(run("retrieve.plots"));
        QTRY_VERIFY_WITH_TIMEOUT(panel.plot().figure() != nullptr, 30000);
        panel.figures().setCurrentIndex(panel.figures().findData("baselines-low-cost"));
        const TableTwin table = panel.plot().table();
        int compared = 0;
        for (const client::EvaluationRow& row : page().controller().evaluations().front().rows) {
            for (int i = 0; i < table.rows; ++i) {
                if (table.cell(i, 0).toString() == QString("n = %1").arg(row.aspects) &&
                    table.cell(i, 1).toULongLong() == row.k &&
                    table.cell(i, 2).toString().toStdString() == row.strategy) {
                    const client::Interval& gain = row.gains.at("weighted");
                    QCOMPARE(static_cast<std::size_t>(table.cell(i, 3).toULongLong()), row.queries);
                    QVERIFY(std::abs(table.cell(i, 4).toDouble() - gain.mean) < 1e-12);
                    QVERIFY(std::abs(table.cell(i, 5).toDouble() - gain.low) < 1e-12);
                    QVERIFY(std::abs(table.cell(i, 6).toDouble() - gain.high) < 1e-12);
                    ++compared;
                }
            }
        }
        QCOMPARE(compared, 2 * 4); // mrag and split, one to four aspects
    }

    void eachHeadIsLeftOut() {
        EvaluationPanel& panel = part<EvaluationPanel>();
        panel.findChild<QCheckBox*>()->setChecked(true);
        const std::size_t before = page().controller().evaluations().size();
        QVERIFY(run("retrieve.evaluate"));
        QTRY_VERIFY_WITH_TIMEOUT(page().controller().evaluations().size() > before, 30000);
        QCOMPARE(page().controller().evaluations().front().without_head.size(), std::size_t(6));
        QCOMPARE(panel.headChart().table().rows, 6); // the new record is shown
        emit panel.headChart().headChosen(2);
        QCOMPARE(session().head(), 2);
        QCOMPARE(panel.headChart().head(), 2);
    }

    void theModelWritesPrompts() {
        QVERIFY(run("retrieve.prompts"));
        auto* dialog = page().findChild<PromptsDialog*>();
        QVERIFY(dialog != nullptr);
        QSignalSpy written(&page().controller(), &RetrieveController::promptsWritten);
        emit dialog->writeWanted();
        QTRY_COMPARE_WITH_TIMEOUT(written.count(), 1, 60000);
        QCOMPARE(written.first().at(1).toString(), QString());
        dialog->field().setPlainText("sampler temperature\nwhere runs are kept");
        QSignalSpy ended(&page().controller(), &RetrieveController::searchEnded);
        dialog->accept();
        QTRY_COMPARE_WITH_TIMEOUT(ended.count(), 1, 20000);
        session().setStrategies({"fusion", "mrag"});
        page().search();
        QTRY_COMPARE_WITH_TIMEOUT(ended.count(), 2, 20000);
        QVERIFY2(session().columns()[0].problem.isEmpty(), qPrintable(session().columns()[0].problem));
        session().setStrategies({"standard", "split", "mrag"});
    }

    void whatIsLeftOutIsTold() {
        QTemporaryDir files;
        const auto write = [&files](const char* name, const QByteArray& bytes) {
            QFile file(files.filePath(QLatin1String(name)));
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(bytes);
        };
        write("good.txt", "a good text about sampling");
        write("binary.txt", QByteArray("ab\0cd", 5));
        QSignalSpy ended(&page().controller(), &RetrieveController::workEnded);
        page().controller().create({.name = "Mixed", .embedder = "model", .stored = {}}, {files.path()});
        QTRY_COMPARE_WITH_TIMEOUT(ended.count(), 1, 30000);
        const auto job = ended.first().at(1).value<client::RetrievalJob>();
        QCOMPARE(job.state, std::string("done"));
        QVERIFY2(job.message.find("binary.txt: this is not text: byte 2 is zero") != std::string::npos,
                 job.message.c_str());
        const auto& all = page().controller().collections();
        const auto sample =
            std::find_if(all.begin(), all.end(), [](const auto& each) { return each.name != "Mixed"; });
        page().controller().choose(QString::fromStdString(sample->id));
        QTRY_VERIFY_WITH_TIMEOUT(!page().controller().queries().empty(), 20000);
        page().showQuery(1);
        QTRY_VERIFY_WITH_TIMEOUT(session().reply() != nullptr, 20000);
    }

    void anEncoderOfAnyFolderIsDescribed() {
        QSignalSpy known(&page().controller(), &RetrieveController::embedderKnown);
        page().controller().askEmbedder(LocalEngine::includedModel());
        QTRY_COMPARE_WITH_TIMEOUT(known.count(), 1, 20000);
        const auto embedder = known.first().first().value<client::EmbedderInfo>();
        QCOMPARE(embedder.heads, std::size_t(6));
        QCOMPARE(embedder.problem, std::string());
    }

    void hitsGoOnToAPrompt() {
        const QString text = page().promptText();
        QVERIFY(text.contains("[1] ") && text.contains("[5] ") && text.contains(part<QueryBox>().text()));
        QVERIFY(run("retrieve.prompt"));
        auto* prompt = qobject_cast<PromptPage*>(desktop_->window().page("prompt"));
        QTRY_COMPARE(prompt->findChild<Composer*>()->text(), text);
        desktop_->window().showPage("retrieve");
    }

    void theQueryIsInspectedAtAHead() {
        session().setHead(3);
        QVERIFY(run("retrieve.inspect"));
        auto* inspect = qobject_cast<InspectPage*>(desktop_->window().page("inspect"));
        QTRY_VERIFY_WITH_TIMEOUT(inspect->source() != nullptr, 60000);
        QTRY_COMPARE(inspect->selection().state().head, (std::optional<capture::HeadRef>(capture::HeadRef{7, 3})));
        desktop_->window().showPage("retrieve");
    }

    void aTypedQueryWithoutGroundTruthHasNoLetters() {
        part<QueryBox>().setText("temperature of the sampler");
        QSignalSpy ended(&page().controller(), &RetrieveController::searchEnded);
        QTest::keyClick(&part<QueryBox>().field(), Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(ended.count(), 1, 20000);
        QCOMPARE(ended.first().first().toString(), QString());
        QVERIFY(session().relevant().empty());
        QVERIFY(run("retrieve.next_query"));
        QTRY_COMPARE_WITH_TIMEOUT(ended.count(), 2, 20000);
        QCOMPARE(session().relevant().size(), std::size_t(1));
    }
};

QTEST_MAIN(TestRetrievePage)
#include "test_retrieve_page.moc"
