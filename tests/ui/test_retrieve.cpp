// SPDX-License-Identifier: GPL-3.0-or-later
// The Retrieve page's widgets with plain data: ranking anew when heads are switched, keyboard, brushing, tables,
// and the sample collection.
#include "tests/ui/retrieve_sample.h"
#include "ui/base/theme_manager.h"
#include "ui/manual/manual_page.h"
#include "ui/retrieve/collection_list.h"
#include "ui/retrieve/document_list.h"
#include "ui/retrieve/evaluation_chart.h"
#include "ui/retrieve/evaluation_model.h"
#include "ui/retrieve/head_grid.h"
#include "ui/retrieve/hit_detail.h"
#include "ui/retrieve/layer_strip.h"
#include "ui/retrieve/query_box.h"
#include "ui/retrieve/rank_columns.h"
#include "ui/retrieve/sample_collection.h"
#include "ui/retrieve/separation_list.h"
#include "ui/retrieve/space_map.h"
#include "ui/retrieve/vote_map.h"

#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>

using namespace fulgurite;

namespace {

enum { A, B, C, D };

std::vector<std::int32_t> order(const RankColumn& column) {
    std::vector<std::int32_t> documents;
    for (const retrieval::Ranked& hit : column.hits) {
        documents.push_back(hit.document);
    }
    return documents;
}

using Documents = std::vector<std::int32_t>;

} // namespace

class TestRetrieve : public QObject {
    Q_OBJECT

  private:
    ThemeManager themes_;

    void fill(RetrieveSession& session) {
        session.setStrategies({"standard", "mrag"});
        session.heads().reset(2);
        session.documents().reset(4);
        session.documents().append(test::workedTitles());
        QTRY_VERIFY(session.documents().complete());
        session.setReply(test::workedExample(), 3);
    }

  private slots:
    void initTestCase() { themes_.apply(); }

    void headsAreSwitchedInSteps() {
        HeadChoice heads;
        heads.reset(4);
        heads.toggle(1);
        heads.paint(2, false);
        heads.paint(3, false);
        heads.endStroke();
        QCOMPARE(heads.off(), std::size_t(3));
        heads.undo(); // the whole stroke
        QCOMPARE(heads.on(), (std::vector<std::uint8_t>{1, 0, 1, 1}));
        heads.undo();
        QCOMPARE(heads.off(), std::size_t(0));
        QVERIFY(!heads.canUndo());
        heads.redo();
        QCOMPARE(heads.on(), (std::vector<std::uint8_t>{1, 0, 1, 1}));
        heads.solo(2);
        QCOMPARE(heads.off(), std::size_t(3));
        heads.solo(2);
        QCOMPARE(heads.off(), std::size_t(0));
        heads.top({0.1, 0.9, 0.4, 0.8}, 2);
        QCOMPARE(heads.on(), (std::vector<std::uint8_t>{0, 1, 0, 1}));
        heads.invert();
        QCOMPARE(heads.on(), (std::vector<std::uint8_t>{1, 0, 1, 0}));
        QVERIFY(!heads.canRedo());
    }

    void switchingAHeadRanksAnew() {
        RetrieveSession session;
        fill(session);
        QCOMPARE(order(session.columns()[0]), (Documents{B, A, C, D}));
        QCOMPARE(session.columns()[0].hits[0].total, 0.95); // a similarity
        QCOMPARE(order(session.columns()[1]), (Documents{C, B, A, D}));
        session.heads().toggle(1);
        QCOMPARE(order(session.columns()[1]), (Documents{B, A, C, D}));
        session.heads().undo();
        QCOMPARE(order(session.columns()[1]), (Documents{C, B, A, D}));
        // The three vote rules share what the engine sent.
        session.setStrategies({"mrag-decay", "mrag-distance", "fusion"});
        QCOMPARE(order(session.columns()[0]), (Documents{B, C, A, D}));
        QCOMPARE(order(session.columns()[1]), (Documents{B, C, A, D}));
        QCOMPARE(session.columns()[2].problem, QString("no prompts"));
        QCOMPARE(engineStrategies({"mrag", "mrag-decay", "split-weighted", "standard"}),
                 (QStringList{"mrag", "split", "standard"}));
    }

    void columnsAreWalkedByKeys() {
        RetrieveSession session;
        fill(session);
        RankColumns columns(themes_, session);
        columns.resize(600, 400);
        columns.show();
        QCOMPARE(session.document(), std::int32_t(C)); // the best of the heads
        QCOMPARE(session.column(), 1);
        QTest::keyClick(&columns, Qt::Key_Down);
        QCOMPARE(session.document(), std::int32_t(B));
        QTest::keyClick(&columns, Qt::Key_Left);
        QCOMPARE(session.column(), 0);
        QTest::keyClick(&columns, Qt::Key_Home);
        QCOMPARE(session.document(), std::int32_t(B));
        QTest::keyClick(&columns, Qt::Key_End);
        QCOMPARE(session.document(), std::int32_t(C)); // three are shown
        QSignalSpy cited(&columns, &RankColumns::citeWanted);
        QTest::keyClick(&columns, Qt::Key_C);
        QCOMPARE(cited.first().first().toInt(), int(C));
        QTest::keyClick(&columns, Qt::Key_C, Qt::ControlModifier);
        const QStringList lines = QApplication::clipboard()->text().split(u'\n', Qt::SkipEmptyParts);
        QCOMPARE(lines.size(), 1 + 3 + 3);
        QVERIFY2(lines[1].startsWith("Standard\t1\tThe Beta (letter)"), qPrintable(lines[1]));
    }

    void anOpenedHitSaysWhatItHangsOn() {
        RetrieveSession session;
        fill(session);
        RankColumns columns(themes_, session);
        columns.resize(600, 400);
        columns.show();
        QSignalSpy explained(&columns.detail(), &HitDetail::explained);
        QTest::keyClick(&columns, Qt::Key_Return);
        QVERIFY(session.expanded());
        QTRY_COMPARE(explained.count(), 1);
        // C leads by head 1; without it B and A stand before it.
        QCOMPARE(columns.detail().sentence(), QString("Without head 1 it falls from 1 to 3."));
        QCOMPARE(columns.detail().group(), (std::vector<std::size_t>{1}));
        QVERIFY(columns.layout().open());
        QVERIFY(columns.layout().openRect().height() > 60);
        const auto buttons = columns.detail().findChildren<QPushButton*>();
        const auto off = std::find_if(buttons.begin(), buttons.end(),
                                      [](const QPushButton* each) { return each->text() == "Switch off"; });
        QTest::mouseClick(*off, Qt::LeftButton);
        QCOMPARE(session.columns()[1].place(C), 2);
        session.heads().undo();
        QCOMPARE(session.columns()[1].place(C), 0);
        QTest::keyClick(&columns, Qt::Key_Escape);
        QVERIFY(!session.expanded());
    }

    void brushingLightsUpAndFilters() {
        RetrieveSession session;
        fill(session);
        SpaceMap map(themes_, session, "Standard vector");
        map.resize(300, 300);
        auto projection = std::make_shared<client::Projection>();
        projection->x = {0, 1, 0, 1};
        projection->y = {0, 0, 1, 1};
        map.setProjection(projection);
        map.show();
        const auto at = [&map](double x, double y) { return map.toPixel({x, y}).toPoint(); };
        QTest::mousePress(&map, Qt::LeftButton, Qt::NoModifier, at(-0.04, -0.04));
        QTest::mouseMove(&map, at(1.04, 0.3));
        QTest::mouseRelease(&map, Qt::LeftButton, Qt::NoModifier, at(1.04, 0.3));
        QCOMPARE(session.brush().count, std::size_t(2));
        QVERIFY(session.brush().contains(A) && session.brush().contains(B));
        session.setFiltered(true);
        QCOMPARE(session.shown(session.columns()[1]), (std::vector<int>{1, 2})); // B and A keep their ranks
        const Brush lasso =
            map.inLasso(QPolygonF{{{-0.05, -0.05}, {1.05, -0.05}, {1.05, 0.3}, {0.3, 1.05}, {-0.05, 1.05}}});
        QCOMPARE(lasso.count, std::size_t(3));
        QVERIFY(!lasso.contains(D));
        map.setFocus();
        QTest::keyClick(&map, Qt::Key_Escape);
        QCOMPARE(session.brush().count, std::size_t(0));
        QVERIFY(!session.filtered());
        QCOMPARE(map.table().rows, 4);
        QVERIFY(map.svg().contains("<svg"));
    }

    void headsByDocumentsNamesEveryCell() {
        RetrieveSession session;
        fill(session);
        VoteMap map(themes_, session);
        map.resize(400, 200);
        map.show();
        session.setHead(0);
        session.select(B, 1);
        QVERIFY2(map.currentText().startsWith("Head 0 × The Beta (letter): rank 1, distance 0.0400, vote 0.775"),
                 qPrintable(map.currentText()));
        QTest::keyClick(&map, Qt::Key_Down);
        QCOMPARE(session.head(), 1);
        QTest::keyClick(&map, Qt::Key_Space);
        QVERIFY(!session.heads().isOn(1));
        const TableTwin table = map.table();
        QCOMPARE(table.rows, 2);
        QCOMPARE(table.cell(1, 2).toString(), QString("off"));
        QCOMPARE(table.cell(0, 3).toInt(), 1); // B leads with head 0 alone
        QVERIFY(twinAsCsv(table).startsWith("head,score,on,The Beta (letter)"));
    }

    void gridSwitchesByPointerAndKey() {
        RetrieveSession session;
        session.heads().reset(12);
        HeadGrid grid(themes_, session);
        grid.resize(252, grid.sizeHint().height());
        grid.show();
        const auto cell = [&grid](int head) { return grid.toPixel({head % 8 + 0.5, head / 8 + 0.5}).toPoint(); };
        QTest::mousePress(&grid, Qt::LeftButton, Qt::NoModifier, cell(2));
        QTest::mouseMove(&grid, cell(3));
        QTest::mouseRelease(&grid, Qt::LeftButton, Qt::NoModifier, cell(3));
        QVERIFY(!session.heads().isOn(2));
        session.heads().undo();
        QCOMPARE(session.heads().off(), std::size_t(0));
        QTest::keyClick(&grid, Qt::Key_Down);
        QCOMPARE(session.head(), 10);
        QTest::keyClick(&grid, Qt::Key_Space);
        QVERIFY(!session.heads().isOn(10));
        QTest::mousePress(&grid, Qt::LeftButton, Qt::AltModifier, cell(5));
        QCOMPARE(session.heads().off(), std::size_t(11));
        grid.setStatistics(test::randomStatistics(12, 3));
        QCOMPARE(grid.table().rows, 12);
        QCOMPARE(grid.table().cell(5, 1).toString(), QString("on"));
    }

    void documentsAreFiltered() {
        RetrieveSession session;
        fill(session);
        DocumentList list(themes_, session);
        list.resize(700, 300);
        list.show();
        QCOMPARE(list.model().rowCount(), 4);
        list.filter().setText("others eta");
        QTRY_COMPARE(list.model().rowCount(), 1);
        QCOMPARE(list.model().document(0), std::int32_t(B));
        QCOMPARE(list.model().index(0, DocumentModel::kRanks).data().toInt(), 1);     // by the standard vector
        QCOMPARE(list.model().index(0, DocumentModel::kRanks + 1).data().toInt(), 2); // by the heads
        list.filter().setText("nothing of the kind");
        QTRY_COMPARE(list.model().rowCount(), 0);
        list.filter().clear();
        QTRY_COMPARE(list.model().rowCount(), 4);
        list.view().setCurrentIndex(list.model().index(3, 1));
        QCOMPARE(session.document(), std::int32_t(D));
        session.setStrategies({"mrag"});
        QCOMPARE(list.model().columnCount(), DocumentModel::kRanks + 1);
    }

    void evaluationIsATableAndAChart() {
        auto evaluation = std::make_shared<client::Evaluation>();
        evaluation->record = "8f2c31";
        evaluation->metrics = {"success_ratio", "ndcg"};
        for (const std::size_t n : {std::size_t(1), std::size_t(5), std::size_t(10)}) {
            client::EvaluationRow standard;
            standard.strategy = "standard";
            standard.aspects = n;
            standard.k = n + 5;
            standard.queries = 25;
            standard.metrics["success_ratio"] = {0.57, 0.5, 0.64};
            client::EvaluationRow mrag = standard;
            mrag.strategy = "mrag";
            mrag.metrics["success_ratio"] = {0.5, 0.4, 0.6};
            mrag.gains["success_ratio"] = {-0.07, -0.1, 0.02};
            mrag.p["success_ratio"] = 0.0002;
            evaluation->rows.insert(evaluation->rows.end(), {standard, mrag});
        }
        EvaluationModel model(themes_);
        EvaluationChart chart(themes_, model);
        chart.resize(500, 160);
        chart.show();
        model.setEvaluation(evaluation);
        model.setAspects(4);
        QCOMPARE(model.aspects(), 5);
        QCOMPARE(model.rowCount(), 2);
        const auto text = [&model](int row, int column) { return model.index(row, column).data().toString(); };
        QCOMPARE(text(1, EvaluationModel::kStrategy), QString("MRAG"));
        QCOMPARE(text(1, EvaluationModel::kMean), QString("0.50"));
        QCOMPARE(text(1, EvaluationModel::kInterval), QString("0.40 to 0.60"));
        QCOMPARE(text(1, EvaluationModel::kGain), QString("−0.07"));
        QCOMPARE(text(1, EvaluationModel::kGainInterval), QString("−0.10 to +0.02"));
        QCOMPARE(text(1, EvaluationModel::kP), QString("< 0.001"));
        QCOMPARE(text(0, EvaluationModel::kGain), QString("–"));
        QSignalSpy chosen(&chart, &EvaluationChart::aspectsChosen);
        QTest::keyClick(&chart, Qt::Key_Right);
        QCOMPARE(chosen.first().first().toInt(), 10);
        model.setMetric("ndcg"); // not in the rows
        QCOMPARE(text(1, EvaluationModel::kMean), QString("–"));
        QVERIFY(twinAsCsv(model.twin()).contains("8f2c31,MRAG,5,10,25,0.5,0.4,0.6,-0.07"));
    }

    void layersAreSteppedOverStoredOnes() {
        LayerStrip strip(themes_);
        strip.resize(220, 26);
        strip.setLayers({"lightning", "lightning", "softmax", "lightning"}, {0, 2});
        strip.setLayer(2);
        QSignalSpy chosen(&strip, &LayerStrip::chosen);
        QTest::keyClick(&strip, Qt::Key_Right); // nothing stored after it
        QCOMPARE(chosen.count(), 0);
        QTest::keyClick(&strip, Qt::Key_Left);
        QCOMPARE(chosen.first().first().toInt(), 0);
        QVERIFY(strip.accessibleDescription().contains("lightning"));
    }

    void collectionsTellTheirWork() {
        client::Collection collection;
        collection.id = "wiki";
        collection.name = "Lab wiki";
        collection.documents = 9870;
        collection.embedder.heads = 64;
        collection.stored = {{78, "projection", "f32"}, {79, "projection", "f32"}};
        collection.bytes = 113 << 20;
        QCOMPARE(collectionNote(collection), QString("64 heads, 2 layers, 113 MiB"));
        client::RetrievalJob job;
        job.kind = "ingest";
        job.state = "running";
        job.per_second = 38;
        job.seconds_left = 45;
        collection.job = job;
        QCOMPARE(collectionNote(collection), QString("indexing, 38/s, 45.0 s left"));
        collection.problem = "two embedders";
        QCOMPARE(collectionNote(collection), QString("two embedders"));
        CollectionList list(themes_);
        QSignalSpy chosen(&list, &CollectionList::chosen);
        list.show({collection}, {});
        list.setCurrent("wiki");
        QCOMPARE(chosen.count(), 1);
        QCOMPARE(list.current(), QString("wiki"));
    }

    void titlesAreFoundInQueries() {
        QCOMPARE(spokenTitle("The Hague (city)"), QString("Hague"));
        QCOMPARE(spokenTitle("Theory"), QString("Theory"));
        RetrieveSession session;
        fill(session);
        QueryBox box(themes_, session);
        QSignalSpy search(&box, &QueryBox::searchWanted);
        QTest::keyClicks(&box.field(), "a beta");
        QTest::keyClick(&box.field(), Qt::Key_Return, Qt::ShiftModifier);
        QCOMPARE(search.count(), 0);
        QTest::keyClick(&box.field(), Qt::Key_Return);
        QCOMPARE(search.count(), 1);
        QCOMPARE(box.text(), QString("a beta"));
        box.setObstacle("no engine");
        QTest::keyClick(&box.field(), Qt::Key_Return);
        QCOMPARE(search.count(), 1);
    }

    void whatHeadsSeparateIsSorted() {
        RetrieveSession session;
        session.heads().reset(6);
        SeparationList list(themes_, session);
        const auto statistics = test::randomStatistics(6, 1);
        list.setStatistics(statistics);
        QCOMPARE(list.view().model()->rowCount(), 6);
        double before = 1;
        for (int row = 0; row < 6; ++row) {
            const int head = list.view().model()->index(row, 0).data().toInt();
            const double auc = statistics->separates[static_cast<std::size_t>(head)].front().auc;
            QVERIFY(auc <= before);
            before = auc;
        }
        session.setHead(4);
        QCOMPARE(list.view().currentIndex().siblingAtColumn(0).data().toInt(), 4);
    }

    void sectionsOfTheManualAreDocuments() {
        const auto sections =
            manualSections("<!-- licence -->\n# Page\nFirst.\n\n## `Part`\n```\n# no heading\n```\n"
                           "### Deep\n\n## Empty\n");
        QCOMPARE(sections.size(), std::size_t(2));
        QCOMPARE(sections[0].title, QString("Page"));
        QCOMPARE(sections[1].title, QString("Page: Part"));
        QVERIFY(sections[1].text.contains("# no heading"));
        QCOMPARE(sections[1].label, QString("Page"));
    }

    // A heading that is renamed would leave a question without its answer.
    void sampleQuestionsHaveTheirAnswers() {
        const QTemporaryDir folder;
        const QStringList files = writeSampleCollection(findManual(), folder.path());
        QCOMPARE(files.size(), 2);
        QStringList titles;
        const auto read = [](const QString& path) {
            QFile file(path);
            return file.open(QIODevice::ReadOnly) ? QJsonDocument::fromJson(file.readAll()).array() : QJsonArray();
        };
        for (const QJsonValue& each : read(files[0])) {
            titles << each["title"].toString();
        }
        QVERIFY(titles.size() > 40);
        QCOMPARE(QSet<QString>(titles.begin(), titles.end()).size(), titles.size());
        const QJsonArray queries = read(files[1]);
        QVERIFY(queries.size() > 20);
        for (const QJsonValue& query : queries) {
            for (const QJsonValue& topic : query["topics"].toArray()) {
                QVERIFY2(titles.contains(topic.toString()), qPrintable(topic.toString()));
            }
        }
    }
};

QTEST_MAIN(TestRetrieve)
#include "test_retrieve.moc"
