// SPDX-License-Identifier: GPL-3.0-or-later
// What the Retrieve page asks: prompts, a new collection, an evaluation with each head left out.
#include "ui/base/theme_manager.h"
#include "ui/retrieve/collection_dialog.h"
#include "ui/retrieve/evaluation_panel.h"
#include "ui/retrieve/head_worth_chart.h"
#include "ui/retrieve/prompts_dialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTest>

using namespace fulgurite;

class TestRetrieveDialogs : public QObject {
    Q_OBJECT

  private:
    ThemeManager themes_;

  private slots:
    void initTestCase() { themes_.apply(); }

    void whatHeadsAreWorthIsAView() {
        client::Evaluation plain;
        plain.record = "8f2c31";
        plain.metrics = {"weighted", "ndcg"};
        plain.rows.push_back({"mrag", 2, 7, 25, {{"weighted", {0.5, 0.4, 0.6}}}, {}, {}});
        client::Evaluation heads = plain;
        heads.record = "1a2b3c";
        heads.without_head = {{-0.02, -0.03, -0.01}, {0.001, -0.002, 0.004}, {0.01, 0.005, 0.02}};
        EvaluationPanel panel(themes_);
        panel.resize(1000, 180);
        panel.show();
        auto* metrics = panel.controls()->findChild<QComboBox*>(QString(), Qt::FindDirectChildrenOnly);
        for (QComboBox* box : panel.controls()->findChildren<QComboBox*>()) {
            metrics = box->accessibleName() == "Metric" ? box : metrics;
        }
        panel.setEvaluations({plain}, {}, true);
        QCOMPARE(metrics->count(), 2);
        QVERIFY(!panel.leavesHeadsOut());
        panel.findChild<QCheckBox*>()->setChecked(true);
        QVERIFY(panel.leavesHeadsOut());
        panel.setEvaluations({heads, plain}, {}, true); // the new record is shown
        QCOMPARE(panel.model().evaluation()->record, std::string("1a2b3c"));
        QCOMPARE(metrics->count(), 3);
        QVERIFY(!panel.headChart().isVisible());
        metrics->setCurrentIndex(2);
        QVERIFY(panel.headChart().isVisible());
        QCOMPARE(panel.model().metric(), QString("weighted")); // that view is no metric

        HeadWorthChart& chart = panel.headChart();
        QSignalSpy chosen(&chart, &HeadWorthChart::headChosen);
        connect(&chart, &HeadWorthChart::headChosen, &chart, &HeadWorthChart::setHead);
        chart.setFocus();
        QTest::keyClick(&chart, Qt::Key_End);
        QTest::keyClick(&chart, Qt::Key_Left);
        QCOMPARE(chosen.count(), 2);
        QCOMPARE(chart.head(), 1);
        QTest::mouseClick(&chart, Qt::LeftButton, Qt::NoModifier, chart.toPixel({0, 0}).toPoint());
        QCOMPARE(chart.head(), 0);
        QCOMPARE(chart.table().rows, 3);
        QVERIFY2(twinAsCsv(chart.table()).contains("0,-0.02,-0.03,-0.01"), qPrintable(twinAsCsv(chart.table())));
        QVERIFY(chart.svg().contains("<svg"));
        // A record without heads has the metrics alone.
        panel.setEvaluations({plain}, {}, true);
        QCOMPARE(metrics->count(), 2);
        QVERIFY(!chart.isVisible());
    }

    void promptsAreTypedOrWritten() {
        PromptsDialog dialog(themes_, {"one", "two"}, nullptr);
        QCOMPARE(dialog.prompts(), (QStringList{"one", "two"}));
        QSignalSpy wanted(&dialog, &PromptsDialog::writeWanted);
        auto* write = dialog.findChild<QPushButton*>(QString(), Qt::FindDirectChildrenOnly);
        for (QPushButton* button : dialog.findChildren<QPushButton*>()) {
            write = button->text().contains("model") ? button : write;
        }
        QTest::mouseClick(write, Qt::LeftButton);
        QCOMPARE(wanted.count(), 1);
        QVERIFY(!write->isEnabled()); // until it has answered
        dialog.setWritten({"three", "four"}, {});
        QVERIFY(write->isEnabled());
        QCOMPARE(dialog.prompts(), (QStringList{"three", "four"}));
        dialog.field().undo();
        QCOMPARE(dialog.prompts(), (QStringList{"one", "two"}));
        dialog.setWritten({}, "the model has no template");
        QCOMPARE(dialog.prompts(), (QStringList{"one", "two"}));
        dialog.field().setPlainText(" a \n\n b");
        QCOMPARE(dialog.prompts(), (QStringList{"a", "b"}));
        dialog.setObstacle("no engine");
        QVERIFY(!write->isEnabled());
    }

    void anyFolderCanEmbedANewCollection() {
        CollectionDialog dialog("Notes", nullptr);
        QPushButton* make = dialog.findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok);
        QVERIFY(!make->isEnabled()); // the engine has not told yet
        client::EmbedderInfo model;
        model.id = "model";
        model.name = "ember";
        model.standard_width = 192;
        model.heads = 6;
        model.head_width = 32;
        model.layer_kinds = {"lightning", "softmax"};
        dialog.setEmbedders({model});
        QVERIFY(make->isEnabled());
        QSignalSpy asked(&dialog, &CollectionDialog::folderWanted);
        QLineEdit* folder = nullptr;
        for (QLineEdit* each : dialog.findChildren<QLineEdit*>()) {
            folder = each->accessibleName() == "Folder of an encoder" ? each : folder;
        }
        QVERIFY(folder != nullptr);
        dialog.show();
        folder->setFocus();
        QTest::keyClicks(folder, "/models/minilm");
        QVERIFY(!make->isEnabled()); // not before it was looked at
        QTest::keyClick(folder, Qt::Key_Return);
        QVERIFY(dialog.isVisible());
        QCOMPARE(asked.count(), 1);
        QCOMPARE(asked.first().first().toString(), QString("/models/minilm"));
        client::EmbedderInfo broken;
        broken.id = "/models/minilm";
        broken.name = "/models/minilm";
        broken.problem = "there is no config.json";
        dialog.addEmbedder(broken);
        QVERIFY(!make->isEnabled());
        client::EmbedderInfo encoder = broken;
        encoder.problem.clear();
        encoder.name = "minilm";
        encoder.standard_width = 384;
        encoder.heads = 12;
        encoder.head_width = 32;
        encoder.layer_kinds = {"bert", "bert"};
        dialog.addEmbedder(encoder); // it was mended
        QVERIFY(make->isEnabled());
        dialog.findChild<QSpinBox*>()->setValue(128);
        const client::NewCollection wanted = dialog.wanted();
        QCOMPARE(wanted.embedder, std::string("/models/minilm"));
        QCOMPARE(wanted.chunk_tokens, std::size_t(128));
        QCOMPARE(wanted.stored, (std::vector<client::HeadPlace>{{1, "projection", "f32"}}));
    }
};

QTEST_MAIN(TestRetrieveDialogs)
#include "test_retrieve_dialogs.moc"
