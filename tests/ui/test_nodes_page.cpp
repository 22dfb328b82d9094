// SPDX-License-Identifier: GPL-3.0-or-later
// The Nodes page, with what it gets from the shell.
#include "tests/ui/foreign_script.h"
#include "tests/ui/random_model.h"
#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/nodes/connect_panel.h"
#include "ui/nodes/model_panel.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/node_view.h"
#include "ui/pages/nodes_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"
#include "ui/shell/status_model.h"

#include <QComboBox>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

using namespace fulgurite;

namespace {

constexpr int kPatience = 60000;

NodeEntry entryOf(const QString& name, const QString& address) {
    NodeEntry entry;
    entry.name = name;
    entry.address = address;
    return entry;
}

struct Bench {
    explicit Bench(const QString& folder)
        : paths(Paths::inside(folder)),
          settings(folder + "/settings.ini"),
          actions(settings, themes),
          engine(settings, paths),
          link(engine),
          hub(link, engine, folder),
          page(std::make_unique<NodesPage>(
              ShellContext{themes, settings, actions, notices, status, engine, link, handoff, paths})) {
        page->resize(1300, 800);
        page->show();
        page->activated();
    }

    Paths paths;
    Settings settings;
    ThemeManager themes;
    Notices notices;
    StatusModel status;
    ActionRegistry actions;
    LocalEngine engine;
    EngineLink link;
    NodeHub hub;
    Handoff handoff;
    std::unique_ptr<NodesPage> page;
};

} // namespace

class TestNodesPage : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<Bench> bench_;

    NodesPage& page() { return *bench_->page; }
    NodeHub& hub() { return bench_->hub; }
    void openPage() { bench_ = std::make_unique<Bench>(folder_->path()); }
    QString cell(const QString& what, int column) {
        const QAbstractItemModel* model = nullptr;
        for (const QTableView* each : page().view().findChildren<QTableView*>()) {
            if (each->accessibleName() == "What each node can do") {
                model = each->model();
            }
        }
        for (int row = 0; row < model->rowCount(); ++row) {
            if (model->index(row, 0).data().toString() == what) {
                return model->index(row, column).data().toString();
            }
        }
        return {};
    }

    QPushButton* button(const QString& name) {
        for (QPushButton* each : page().view().models().findChildren<QPushButton*>()) {
            if (each->accessibleName() == name) {
                return each;
            }
        }
        return nullptr;
    }

  private slots:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }
    void cleanup() { bench_.reset(); }

    void aForeignServerIsAddedAndItsLimitsAreTold() {
        ScriptedServer server(test::foreignScript);
        openPage();
        page().connectPanel().beginNew();
        page().connectPanel().setAddress(QStringLiteral("127.0.0.1:%1/v1").arg(server.port()));
        QVERIFY(page().connectPanel().test());
        QSignalSpy done(&page().connectPanel(), &ConnectPanel::done);
        for (QPushButton* each : page().connectPanel().findChildren<QPushButton*>()) {
            if (each->text() == "Connect") {
                each->click();
            }
        }
        QCOMPARE(done.count(), 1);
        const QString id = done.first().first().toString();
        QCOMPARE(page().view().node(), id);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        QCOMPARE(serverText(hub().link(id)), QString("vLLM 0.23.0"));
        QTRY_COMPARE(cell("chat", 2), QString("●"));
        QCOMPARE(cell("heads, experts and attention", 2), QString("–"));
        QVERIFY(cell("heads, experts and attention", 3).contains("does not expose"));
        QVERIFY(!page().view().findChildren<QPushButton*>()[2]->isEnabled()); // Load model...

        // Prompting it is asked of the Prompt page.
        QTest::keyClick(&page().list(), Qt::Key_Return);
        const auto wish = bench_->handoff.takeNode();
        QVERIFY(wish && wish->node == id);
        hub().use(id);
        QVERIFY(bench_->link.whyNot("continue").contains("vLLM takes text"));
        QVERIFY(bench_->link.whyNot("completions").contains("does not complete raw text"));
        QVERIFY(bench_->link.whyNot("chat").isEmpty());
    }

    void removingIsUndone() {
        openPage();
        const QString id = hub().add(entryOf("away", "http://127.0.0.1:9"), {});
        page().list().setCurrent(id);
        QTest::keyClick(&page().list(), Qt::Key_Delete);
        QVERIFY(!hub().book().find(id));
        QCOMPARE(page().view().node(), kLocalNode);
        QVERIFY(bench_->actions.run("nodes.undo"));
        QVERIFY(hub().book().find(id));
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Waiting, kPatience);
        QVERIFY2(hub().link(id).message().contains("nothing listens"), qPrintable(hub().link(id).message()));
        QTest::keyClick(&page().list(), Qt::Key_Up, Qt::AltModifier); // reorders
        page().list().setCurrent(id);
        QTest::keyClick(&page().list(), Qt::Key_Up, Qt::AltModifier);
        QCOMPARE(hub().book().entries().first().id, id);
    }

    void everythingInteractiveHasAName() {
        openPage();
        for (QWidget* each : page().findChildren<QWidget*>()) {
            const bool interactive = qobject_cast<QPushButton*>(each) || qobject_cast<QLineEdit*>(each) ||
                                     qobject_cast<QComboBox*>(each) || qobject_cast<QAbstractItemView*>(each);
            const bool part = qobject_cast<QComboBox*>(each->parentWidget()) || each->inherits("QHeaderView") ||
                              each->objectName().startsWith("qt_");
            if (interactive && !part && !each->isHidden() && each->parentWidget() &&
                !each->parentWidget()->inherits("QComboBoxPrivateContainer")) {
                const auto* button = qobject_cast<const QPushButton*>(each);
                QVERIFY2(!each->accessibleName().isEmpty(),
                         qPrintable(QStringLiteral("%1 \"%2\" in %3")
                                        .arg(each->metaObject()->className(), button ? button->text() : QString(),
                                             each->parentWidget()->metaObject()->className())));
            }
        }
    }

    void aNodeOfOurOwnTellsHowItFares() {
        if (LocalEngine::findProgram().isEmpty()) {
            QSKIP("there is no fulgurite-engine beside this test");
        }
        const QString model = folder_->filePath("model");
        QVERIFY(test::makeRandomModel(model));
        test::ServedModel node(model);
        openPage();
        const QString id = hub().add(entryOf("ours", QStringLiteral("http://127.0.0.1:%1").arg(node.port())), {});
        page().list().setCurrent(id);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(page().view().watch().report(), kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(QString::fromStdString(page().view().watch().report()->model_state),
                                  QString("ready"), kPatience);
        const client::NodeReport& report = *page().view().watch().report();
        QVERIFY(report.cores > 0 && report.memory_total > 0 && report.process_bytes > 0);
        QVERIFY(!report.gpus.empty() || !report.gpu_problem.empty());
        QTRY_VERIFY_WITH_TIMEOUT(hub().activity(id).points.size() >= 2, kPatience);
    }

    // From the list of the node's own folders, with the keyboard alone.
    void anotherModelIsLoadedOnANodeAndUnloaded() {
        if (LocalEngine::findProgram().isEmpty()) {
            QSKIP("there is no fulgurite-engine beside this test");
        }
        QVERIFY(test::makeRandomModel(folder_->filePath("first")));
        QVERIFY(QDir().mkpath(folder_->filePath("models")));
        QVERIFY(test::makeRandomModel(folder_->filePath("models/second")));
        test::ServedModel node(folder_->filePath("first"), {"--models", folder_->filePath("models")});
        openPage();
        const QString id = hub().add(entryOf("ours", QStringLiteral("http://127.0.0.1:%1").arg(node.port())), {});
        page().list().setCurrent(id);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        ModelPanel& panel = page().view().models();
        QVERIFY(panel.isHidden());
        QVERIFY(bench_->actions.run("nodes.models"));
        const auto* table = panel.findChild<QTableView*>();
        QTRY_COMPARE_WITH_TIMEOUT(table->model()->rowCount(), 2, kPatience);
        QCOMPARE(panel.chosen(), QString("first"));
        QVERIFY(!button("Load")->isEnabled()); // it is loaded
        QTest::keyClick(panel.findChild<QTableView*>(), Qt::Key_Down);
        QCOMPARE(panel.chosen(), QString("second"));
        QTest::keyClick(panel.findChild<QTableView*>(), Qt::Key_Return);
        const auto served = [this, id] {
            const NodeLink& link = hub().link(id);
            return link.info() ? QString::fromStdString(link.info()->model.id) : QString();
        };
        QTRY_COMPARE_WITH_TIMEOUT(served(), QString("second"), kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(button("Unload")->isEnabled(), kPatience);
        button("Unload")->click();
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Failed, kPatience);
        QVERIFY2(hub().link(id).message().contains("unloaded"), qPrintable(hub().link(id).message()));
        QVERIFY(page().view().whyNoModels().isEmpty());
        QTRY_VERIFY_WITH_TIMEOUT(button("Load")->isEnabled(), kPatience);
        button("Load")->click();
        QTRY_COMPARE_WITH_TIMEOUT(served(), QString("second"), kPatience);
        QTest::keyClick(panel.findChild<QTableView*>(), Qt::Key_Escape);
        QVERIFY(panel.isHidden());
    }
};

QTEST_MAIN(TestNodesPage)
#include "test_nodes_page.moc"
