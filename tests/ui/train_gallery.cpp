// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of the Train page without an engine: train_gallery RUNS_FILE FOLDER. The runs by their rule, the
// completions of the last step of the first CISPO run, a chart at full size, and the small window, dark and light.
#include "ui/base/settings.h"
#include "ui/engine/local_engine.h"
#include "ui/pages/train_page.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"
#include "ui/shell/shell_context.h"
#include "ui/train/chart_grid.h"
#include "ui/train/filter_field.h"
#include "ui/train/new_run_dialog.h"
#include "ui/train/rollout_panel.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QThread>

#include <cstdio>
#include <functional>

using namespace fulgurite;

namespace {

void waitUntil(const std::function<bool()>& ready) {
    QElapsedTimer timer;
    timer.start();
    while (!ready() && timer.elapsed() < 20000) {
        QApplication::processEvents(QEventLoop::AllEvents, 20);
        QThread::msleep(2);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "train_gallery RUNS_FILE FOLDER\n");
        return 2;
    }
    QApplication application(argc, argv);
    const QTemporaryDir workspace;
    Desktop desktop({.workspace = workspace.path(), .open = {}, .with_engine = false});
    MainWindow& window = desktop.window();
    window.resize(1440, 900);
    desktop.show();
    window.showPage(QStringLiteral("train"));
    TrainPage& page = *qobject_cast<TrainPage*>(window.page(QStringLiteral("train")));
    page.openFile(QString::fromLocal8Bit(argv[1]));
    const auto settle = [&] {
        for (int i = 0; i < 10; ++i) {
            QApplication::processEvents(QEventLoop::AllEvents, 20);
        }
        waitUntil([&] { return page.grid().settled() && !page.grid().chartIds().isEmpty(); });
    };
    const auto take = [&](const QString& name) {
        for (const char* theme : {"dark", "light"}) {
            desktop.context().settings.set(keys::kTheme, QLatin1String(theme));
            settle();
            window.grab().save(
                QStringLiteral("%1/%2-%3.png").arg(QString::fromLocal8Bit(argv[2]), name, QLatin1String(theme)));
        }
    };
    settle();
    page.filter().setFilter(QStringLiteral("project=sorting updates>1"));
    page.board().setGroupField(QStringLiteral("algo"));
    settle();
    waitUntil([&] { return page.grid().link().full().second > 1; });
    CurveChart* first = page.grid().current();
    page.grid().link().setCursor(page.grid().link().full().second * 0.7, first);
    take(QStringLiteral("train"));
    bool opened = false;
    for (const RunInfo& run : *page.feed().runs()) {
        if (run.algorithm == QLatin1String("cispo") && run.seed == 0 && page.board().groupOf(run.id) != nullptr) {
            opened = false;
            QObject::connect(&page.rollouts(), &RolloutPanel::opened, &page, [&] { opened = true; });
            page.openRollouts(run.id, run.last_step);
            waitUntil([&] { return opened; });
            page.rollouts().flow().nextCapped();
            page.rollouts().flow().setFocus();
            break;
        }
    }
    take(QStringLiteral("train-rollouts"));
    page.grid().enlarge(QStringLiteral("ratio"));
    take(QStringLiteral("train-ratio"));
    page.grid().enlarge({});
    window.resize(1024, 720);
    take(QStringLiteral("train-small"));
    NewRunDialog start(desktop.context().themes, page.jobs(), LocalEngine::findProgram(),
                       QStringLiteral("/models/ember"), &window);
    start.show();
    settle();
    start.grab().save(QStringLiteral("%1/new-run.png").arg(QString::fromLocal8Bit(argv[2])));
    return 0;
}
