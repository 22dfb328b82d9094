// SPDX-License-Identifier: GPL-3.0-or-later
// Draws the views of the Inspect page with a capture into a folder, dark and light, for people who work on them:
//   QT_QPA_PLATFORM=offscreen inspect_gallery FILE.fcap DIR [QUERY SOURCE LAYER HEAD]
// With a selection: the page alone, the whole text in sight and the heads by recall, as the user guide shows it.
#include "ui/base/paths.h"
#include "ui/base/settings.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"
#include "ui/inspect/attention_tracks.h"
#include "ui/inspect/attention_view.h"
#include "ui/inspect/capture_file_source.h"
#include "ui/inspect/cost_view.h"
#include "ui/inspect/head_table_view.h"
#include "ui/inspect/layer_maps.h"
#include "ui/inspect/lens_panel.h"
#include "ui/inspect/routing_timeline.h"
#include "ui/inspect/routing_view.h"
#include "ui/inspect/token_map.h"
#include "ui/pages/inspect_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QApplication>
#include <QDir>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cstdio>

using namespace fulgurite;

namespace {

// Until nothing is computed any more, ten seconds at most.
void settle(const QWidget& view) {
    for (int i = 0; i < 1000; ++i) {
        QApplication::processEvents();
        QTest::qSleep(10);
        const QList<PlotView*> plots = view.findChildren<PlotView*>();
        const bool busy = std::any_of(plots.begin(), plots.end(),
                                      [](const PlotView* plot) { return plot->isVisible() && plot->busy(); });
        if (i > 30 && !busy) {
            return;
        }
    }
}

class Gallery {
  public:
    Gallery(ThemeManager& themes, InspectionSource& source, QString path)
        : source_(source),
          path_(std::move(path)),
          settings_(home_.filePath(QStringLiteral("settings.ini"))),
          paths_(Paths::inside(home_.path())),
          engine_(settings_, paths_),
          link_(engine_),
          actions_(settings_, themes),
          services_{themes, selection_, actions_, link_} {}

    void draw() {
        const capture::CaptureInfo& info = source_.info();
        const int layer = info.attention_layers.front();
        InspectState state;
        state.query = info.tokens - 1;
        state.source = info.tokens - 23;
        state.head = capture::HeadRef{layer, 1};
        selection_.set(state);
        AttentionView attention(services_);
        show(attention, {530, 428}, "attention");
        attention.tracks().fit();
        grab(attention, "attention-fit");
        attention.setMapOnly(true);
        attention.map().fit();
        grab(attention, "map-fit");
        for (const int held : info.attention_layers) {
            if (info.config.layers[static_cast<std::size_t>(held)] == LayerKind::Softmax) {
                attention.setMapOnly(false);
                attention.tracks().showUsual();
                selection_.setHead(capture::HeadRef{held, 0});
                grab(attention, "softmax");
                attention.setMapOnly(true);
                attention.map().fit();
                grab(attention, "softmax-map");
                break;
            }
        }
        LayerMapsView maps(services_);
        show(maps, {1100, 640}, "layer-maps");
        LensPanel lens(services_);
        show(lens, {1200, 420}, "lens");
        lens.setMode(LensPlot::Mode::Positions);
        grab(lens, "lens-positions");
        RoutingView routing(services_);
        show(routing, {1360, 250}, "routing");
        routing.timeline().fit();
        grab(routing, "routing-fit");
        selection_.setExpert(3);
        grab(routing, "routing-expert");
        selection_.setExpert({});
        CostView cost(services_);
        show(cost, {1200, 560}, "cost");
    }

  private:
    void show(InspectView& view, QSize size, const char* name) {
        view.resize(size);
        view.setSource(&source_);
        view.show();
        grab(view, name);
    }
    void grab(QWidget& view, const char* name) {
        settle(view);
        view.grab().save(path_ + QLatin1String(name) + QStringLiteral(".png"));
    }

    InspectionSource& source_;
    QString path_;
    QTemporaryDir home_;
    Settings settings_;
    Paths paths_;
    LocalEngine engine_;
    EngineLink link_;
    ActionRegistry actions_;
    Selection selection_;
    InspectServices services_;
};

// The page as a person has it, at the size of the design.
void drawPage(const QString& capture, ThemeMode mode, const QString& file,
              const std::optional<InspectState>& wanted) {
    const QTemporaryDir home;
    Desktop desktop({.workspace = home.path(), .open = {}, .with_engine = false});
    desktop.context().themes.setMode(mode);
    desktop.window().resize(1440, 900);
    desktop.show();
    desktop.window().showPage(QStringLiteral("inspect"));
    auto& page = *qobject_cast<InspectPage*>(desktop.window().page(QStringLiteral("inspect")));
    page.openCapture(capture);
    settle(page);
    InspectState state = page.selection().state();
    state.head = capture::HeadRef{5, 2};
    state.source = page.source()->info().tokens - 8;
    state.query = page.source()->info().tokens - 1;
    page.selection().set(wanted.value_or(state));
    settle(page);
    if (wanted) {
        qobject_cast<AttentionView*>(page.view(QStringLiteral("attention")))->tracks().fit();
        auto* heads = qobject_cast<HeadTableView*>(page.view(QStringLiteral("heads")));
        const int recall = HeadTableModel::columnOf(QStringLiteral("recall"));
        heads->table().sortByColumn(recall, Qt::DescendingOrder);
        heads->table().scrollToTop();
        settle(page);
    }
    desktop.window().grab().save(file);
}

} // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    if (argc != 3 && argc != 7) {
        std::fprintf(stderr, "usage: inspect_gallery FILE.fcap DIR [QUERY SOURCE LAYER HEAD]\n");
        return 2;
    }
    std::optional<InspectState> wanted;
    if (argc == 7) {
        wanted.emplace();
        wanted->query = QByteArray(argv[3]).toULongLong();
        wanted->source = QByteArray(argv[4]).toULongLong();
        wanted->head = capture::HeadRef{QByteArray(argv[5]).toInt(), QByteArray(argv[6]).toInt()};
    }
    const QString capture = QString::fromLocal8Bit(argv[1]);
    const QString folder = QString::fromLocal8Bit(argv[2]);
    QDir().mkpath(folder);
    CaptureFileSource source(capture::CaptureFile::open(argv[1]), capture);
    ThemeManager themes;
    for (const ThemeMode mode : {ThemeMode::Dark, ThemeMode::Light}) {
        themes.setMode(mode);
        themes.apply();
        if (!wanted) {
            Gallery(themes, source,
                    folder + (mode == ThemeMode::Dark ? QStringLiteral("/dark-") : QStringLiteral("/light-")))
                .draw();
        }
        drawPage(capture, mode,
                 folder + (mode == ThemeMode::Dark ? QStringLiteral("/dark-page.png")
                                                   : QStringLiteral("/light-page.png")),
                 wanted);
    }
    return 0;
}
