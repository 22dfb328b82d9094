// SPDX-License-Identifier: GPL-3.0-or-later
// Training that is started, watched, paused, gone on with and stopped from the window, with the real engine: on
// this computer and on another node, whose run comes into the list.
#include "core/client/node_admin_client.h"
#include "tests/ui/random_model.h"
#include "tests/ui/train_window.h"
#include "ui/engine/engine_link.h"
#include "ui/nodes/job_curves.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/node_view.h"
#include "ui/pages/nodes_page.h"
#include "ui/shell/action_registry.h"
#include "ui/train/job_dialog.h"
#include "ui/train/new_run_dialog.h"
#include "ui/train/remote_runs.h"
#include "ui/train/run_list.h"
#include "ui/train/train_jobs.h"

#include <QClipboard>
#include <QComboBox>
#include <QFile>
#include <QGuiApplication>
#include <QJsonArray>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableWidget>

#include <algorithm>
#include <future>

using namespace fulgurite;

namespace {
constexpr int kPatience = 60000;
}

class TestTrainJobs : public QObject {
    Q_OBJECT

  private:
    QTemporaryDir folder_;
    QString model_;
    std::unique_ptr<Desktop> desktop_;

    TrainPage& page() { return *qobject_cast<TrainPage*>(desktop_->window().page(QStringLiteral("train"))); }
    NodeHub& hub() { return *desktop_->context().link.nodes(); }
    bool run(const char* action) { return desktop_->context().actions.run(QLatin1String(action)); }
    const RunInfo* theRun() { return page().feed().runs()->empty() ? nullptr : &page().feed().runs()->front(); }

    // What the node's log holds so far beside plain information; -1 where it cannot be read.
    int warningsOf(const QString& node) {
        const auto admin = client::connectToAdmin(hub().link(node).client()->endpoint(), {}, {});
        std::promise<client::Outcome<client::NodeLogPiece>> told;
        admin->log(0, [&told](const auto& piece) { told.set_value(piece); });
        const auto piece = told.get_future().get();
        if (!piece.ok()) {
            return -1;
        }
        const auto& lines = piece.value().lines;
        return static_cast<int>(
            std::ranges::count_if(lines, [](const auto& line) { return line.level != "info"; }));
    }

    // Endless, as far as a test is concerned.
    QString config(bool with_model) const {
        QJsonObject config{{"data", QJsonArray{folder_.filePath(QStringLiteral("text.txt"))}},
                           {"steps", 1000000},
                           {"batch", 1},
                           {"sequence", 32},
                           {"threads", 1},
                           {"checkpoint", QJsonObject{{"every", 1000000}}}};
        if (with_model) {
            config["model"] = model_;
            config["out"] = QStringLiteral("elsewhere"); // a job is found by its run, wherever that lies
        }
        // As in a file of one's own: with a comment.
        return QStringLiteral("// endless\n") + QString::fromUtf8(QJsonDocument(config).toJson());
    }
    void startRun(const QString& node, const QString& name) {
        NewRunDialog dialog(desktop_->context().themes, page().jobs(), LocalEngine::findProgram(), model_, nullptr);
        QTRY_VERIFY_WITH_TIMEOUT(dialog.place().findData(node) >= 0, kPatience);
        dialog.place().setCurrentIndex(dialog.place().findData(node));
        QCOMPARE(dialog.node(), node);
        // Where the node's folders are not known, the offered configuration leaves the model to the node.
        QCOMPARE(dialog.config().toPlainText().contains(QStringLiteral("\"model\"")), node == kLocalNode);
        dialog.method().setCurrentIndex(dialog.method().findData(QStringLiteral("pretrain")));
        dialog.name().setText(name);
        dialog.config().setPlainText(config(node == kLocalNode));
        dialog.startRun();
        QTRY_COMPARE_WITH_TIMEOUT(dialog.result(), int(QDialog::Accepted), kPatience);
        if (node != kLocalNode) {
            page().remote().follow(node, true);
        }
    }
    // Points of the run, as far as the window knows.
    qint64 points() { return theRun() == nullptr ? 0 : theRun()->points; }

    void steerFromTheList() {
        QTRY_VERIFY_WITH_TIMEOUT(points() > 0, kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(theRun()->state, RunState::Running, kPatience);
        RunListView& list = page().list();
        list.setFocus();
        list.setCurrentIndex(list.list().indexOfRun(theRun()->id));
        const auto state = [this] {
            const PlacedJob* job = page().jobs().jobOf(*theRun());
            return job != nullptr ? job->job.state : client::NodeJobState::Failed;
        };
        QTRY_COMPARE_WITH_TIMEOUT(state(), client::NodeJobState::Running, kPatience);

        QTest::keyClick(&list, Qt::Key_P);
        QTRY_COMPARE_WITH_TIMEOUT(state(), client::NodeJobState::Paused, kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(page().board().stateOf(*theRun()), RunState::Paused, kPatience);
        QVERIFY(list.list().stateText(*theRun()).startsWith(QStringLiteral("paused at")));
        QTest::qWait(1500); // what was written before has come by now
        const qint64 paused_at = points();
        QTest::qWait(1000);
        QCOMPARE(points(), paused_at);

        QVERIFY(run("train.run_pause")); // goes on
        QTRY_VERIFY_WITH_TIMEOUT(points() > paused_at, kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(state(), client::NodeJobState::Running, kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(page().board().stateOf(*theRun()), RunState::Running, kPatience);

        JobDialog dialog(desktop_->context().themes, page().jobs(), nullptr);
        QTRY_VERIFY_WITH_TIMEOUT(dialog.log().toPlainText().contains(QStringLiteral("step ")), kPatience);
        QCOMPARE(dialog.table().rowCount(), 1);
        dialog.show();
        QVERIFY(QTest::qWaitForWindowActive(&dialog));
        dialog.table().setFocus();
        QTest::keyClick(&dialog.table(), Qt::Key_C, Qt::ControlModifier);
        const QStringList copied = QGuiApplication::clipboard()->text().split(u'\n');
        QCOMPARE(copied.first(), QStringLiteral("name\ton\tstate\tstarted\tlast said"));
        QVERIFY2(copied[1].contains(QStringLiteral("\trunning\t")), qPrintable(copied[1]));
        dialog.close();

        QTest::keyClick(&list, Qt::Key_S);
        QTRY_COMPARE_WITH_TIMEOUT(state(), client::NodeJobState::Stopped, kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(theRun()->state, RunState::Stopped, kPatience);

        QTest::keyClick(&list, Qt::Key_P); // from its checkpoint
        QTRY_COMPARE_WITH_TIMEOUT(theRun()->state, RunState::Running, kPatience);
        QTest::keyClick(&list, Qt::Key_S);
        QTRY_COMPARE_WITH_TIMEOUT(state(), client::NodeJobState::Stopped, kPatience);
    }

  private slots:
    void initTestCase() {
        model_ = folder_.filePath(QStringLiteral("model"));
        QVERIFY(test::makeRandomModel(model_));
        QFile text(folder_.filePath(QStringLiteral("text.txt")));
        QVERIFY(text.open(QIODevice::WriteOnly));
        for (int i = 0; i < 400; ++i) {
            text.write("the quick brown fox jumps over the lazy dog and comes back again ");
        }
    }
    void init() {
        desktop_ = std::make_unique<Desktop>(DesktopOptions{
            .workspace = folder_.filePath(QString::fromLatin1(QTest::currentTestFunction())), .open = model_});
        desktop_->show();
        desktop_->window().showPage(QStringLiteral("train"));
    }
    void cleanup() { desktop_.reset(); }

    void onThisComputer() {
        startRun(kLocalNode, QStringLiteral("here"));
        steerFromTheList();
        QCOMPARE(theRun()->name, QStringLiteral("here"));
    }

    void onAnotherNode() {
        test::ServedModel node(model_, {QStringLiteral("--data"), folder_.filePath(QStringLiteral("node"))});
        NodeEntry entry;
        entry.name = QStringLiteral("gpu-box");
        entry.address = QStringLiteral("http://127.0.0.1:%1").arg(node.port());
        const QString id = hub().add(entry, {});
        startRun(id, QStringLiteral("there"));
        steerFromTheList();
        QCOMPARE(theRun()->name, QStringLiteral("there"));
        QCOMPARE(theRun()->source, QStringLiteral("gpu-box"));
        QVERIFY(!page().remote().nodes().empty());
        QVERIFY2(page().remote().nodes().front().problem.isEmpty(),
                 qPrintable(page().remote().nodes().front().problem));
    }

    // A job that nobody follows: from its curve on the Nodes page to the copy of its run.
    void fromTheNodesPageToTheCopy() {
        test::ServedModel node(model_, {QStringLiteral("--data"), folder_.filePath(QStringLiteral("far"))});
        NodeEntry entry;
        entry.name = QStringLiteral("gpu-box");
        entry.address = QStringLiteral("http://127.0.0.1:%1").arg(node.port());
        const QString id = hub().add(entry, {});
        const auto trains = [&] {
            return std::ranges::any_of(page().jobs().places(),
                                       [&](const JobPlace& each) { return each.node == id; });
        };
        QTRY_VERIFY_WITH_TIMEOUT(trains(), kPatience);
        page().jobs().start(id, QStringLiteral("pretrain"), QStringLiteral("far"), config(false));
        desktop_->window().showPage(QStringLiteral("nodes"));
        auto* nodes = qobject_cast<NodesPage*>(desktop_->window().page(QStringLiteral("nodes")));
        nodes->list().setCurrent(id);
        const auto* charts = nodes->view().findChild<JobCurves*>();
        QTRY_VERIFY_WITH_TIMEOUT(charts->isVisible() && charts->findChild<QPushButton*>()->isEnabled(), kPatience);
        QVERIFY(!page().remote().followed().contains(id));
        charts->findChild<QPushButton*>()->click();
        QTRY_VERIFY(page().isVisible());
        const auto shown = [&] { return page().feed().run(page().board().current()); };
        QTRY_VERIFY_WITH_TIMEOUT(shown() != nullptr && shown()->name == QStringLiteral("far"), kPatience);
        QCOMPARE(shown()->source, QStringLiteral("gpu-box"));
        QVERIFY(page().remote().followed().contains(id));
    }

    // A node without a data folder is not asked for runs or jobs again and again.
    void aNodeThatKeepsNothingIsNotAsked() {
        test::ServedModel node(model_);
        NodeEntry entry;
        entry.name = QStringLiteral("keeps nothing");
        entry.address = QStringLiteral("http://127.0.0.1:%1").arg(node.port());
        const QString id = hub().add(entry, {});
        page().remote().follow(id, true);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        const auto problem = [&] { return page().remote().nodes().front().problem; };
        QTRY_VERIFY2_WITH_TIMEOUT(problem().contains(QStringLiteral("data folder")), qPrintable(problem()),
                                  kPatience);
        desktop_->window().showPage(QStringLiteral("nodes"));
        auto* nodes = qobject_cast<NodesPage*>(desktop_->window().page(QStringLiteral("nodes")));
        nodes->list().setCurrent(id);
        QTRY_VERIFY_WITH_TIMEOUT(nodes->view().watch().report(), kPatience);
        // Until a node has said what it keeps it is asked once or twice: from here on it is not.
        QTRY_VERIFY_WITH_TIMEOUT(hub().link(id).info(), kPatience);
        const int before = warningsOf(id);
        QTest::qWait(6000);         // three looks at the node
        std::promise<bool> refused; // once, by the test, so that the log shows what it would say
        const auto jobs = client::connectToJobs(hub().link(id).client()->endpoint(), {}, {});
        jobs->list([&refused](const auto& list) { refused.set_value(!list.ok()); });
        QVERIFY(refused.get_future().get());
        QVERIFY(before >= 0);
        QCOMPARE(warningsOf(id), before + 1);
    }
};

QTEST_MAIN(TestTrainJobs)
#include "test_train_jobs.moc"
